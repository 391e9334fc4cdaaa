#include "pyrometer/energy/normal_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/eight_lanes.hpp"
#include "pyrometer/energy/expectation.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kBlock = 64;  // rows at a time
// A task is so many rows and laws at most: neither number depends on how many laws there are, and so no law's bits do.
constexpr Index kChunkFlops = 1 << 22;
constexpr Index kLaws = 64;
constexpr double kSmall = 1e-280, kLarge = 1e280;

struct Block {
  std::vector<double> squares;  // feature-major, so that every law runs over rows as vectors: squares[j * kBlock + i]
  std::vector<double> s, y, value, slope;

  explicit Block(Index features)
      : squares(static_cast<std::size_t>(features * kBlock)), s(kBlock), y(kBlock), value(kBlock), slope(kBlock) {}
};

// Squares of eight columns of eight rows: halves change places until each vector is a column.
template <class T>
[[gnu::always_inline]] inline void square_eight(const T* X, Index features, Lanes (&b)[8]) {
  Lanes a[8];
  // Eight rows at a time are no stream that a processor would foresee.
  for (int i = 8; i < 16; ++i) __builtin_prefetch(X + i * features);
  for (int i = 0; i < 8; ++i) {
    load(X + i * features, a[i]);
    a[i] *= a[i];
  }
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int k = i; k < i + 2; ++k) {
      a[k] = __builtin_shufflevector(b[k], b[k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[k + 2] = __builtin_shufflevector(b[k], b[k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int k = 0; k < 4; ++k) {
    b[k] = __builtin_shufflevector(a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[k + 4] = __builtin_shufflevector(a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// The first rows of `rows` that can be read by eights: the last columns of eight reach into the next rows, and
// `readable` numbers are there.
Index by_eights(Index rows, Index features, Index readable) {
  const Index padded = (features + 7) / 8 * 8;
  Index i = 0;
  while (i + 8 <= rows && (i + 7) * features + padded <= readable) i += 8;
  return i;
}

template <class T>
void square(const T* X, Index rows, Index features, Index readable, double* squares) {
  const Index eights = by_eights(rows, features, readable);
  for (Index i = 0; i < eights; i += 8)
    for (Index j = 0; j < features; j += 8) {
      Lanes columns[8];
      square_eight(X + i * features + j, features, columns);
      for (Index k = 0; k < std::min<Index>(8, features - j); ++k) store(squares + (j + k) * kBlock + i, columns[k]);
    }
  for (Index i = eights; i < rows; ++i)
    for (Index j = 0; j < features; ++j) {
      const double x = static_cast<double>(X[i * features + j]);
      squares[j * kBlock + i] = x * x;
    }
}

// sum_j variance_j x_ij^2 + constant, from the squares.
void weigh(const double* squares, Index features, const double* variance, double constant, double (&s2)[kBlock]) {
  std::fill_n(s2, kBlock, constant);
  for (Index j = 0; j < features; ++j)
    for (Index i = 0; i < kBlock; ++i) s2[i] += variance[j] * squares[j * kBlock + i];
}

// The same sums for a single law, whose squares need no place.
template <class T>
void weigh_rows(const T* X, Index rows, Index features, Index readable, const double* variance, double constant,
                double (&s2)[kBlock]) {
  const Index eights = by_eights(rows, features, readable), whole = features / 8 * 8;
  std::fill_n(s2, kBlock, constant);
  for (Index i = 0; i < eights; i += 8) {
    Lanes sum, columns[8];
    load(s2 + i, sum);
    for (Index j = 0; j < whole; j += 8) {
      square_eight(X + i * features + j, features, columns);
      for (Index k = 0; k < 8; ++k) sum += variance[j + k] * columns[k];
    }
    if (whole < features) square_eight(X + i * features + whole, features, columns);
    for (Index j = whole; j < features; ++j) sum += variance[j] * columns[j - whole];
    store(s2 + i, sum);
  }
  for (Index i = eights; i < rows; ++i)
    for (Index j = 0; j < features; ++j) {
      const double x = static_cast<double>(X[i * features + j]);
      s2[i] += variance[j] * (x * x);
    }
}

// The deviation of one row whose squares left the range of a double, or that is not finite.
template <class T>
double careful_deviation(const T* x, Index features, const double* variance, double constant, Index row) {
  double s = std::sqrt(constant);
  for (Index j = 0; j < features; ++j) {
    const double value = static_cast<double>(x[j]);
    require(std::isfinite(value), "X must be finite, got ", value, " at row ", row, ", column ", j);
    s = std::hypot(s, value * std::sqrt(variance[j]));
  }
  require(std::isfinite(s), "the energy must be below 1.8e308, got an overflow at row ", row,
          "; use a smaller scale or rescale the features");
  return s;
}

template <class T>
void deviations(const T* X, Index first, Index rows, Index features, const double* variance, double constant,
                const double (&s2)[kBlock], Block& block) {
  for (Index i = 0; i < kBlock; ++i) block.s[static_cast<std::size_t>(i)] = std::sqrt(s2[i]);
  for (Index i = 0; i < rows; ++i)
    if (!(s2[i] > kSmall && s2[i] < kLarge)) [[unlikely]]
      block.s[static_cast<std::size_t>(i)] =
          careful_deviation(X + i * features, features, variance, constant, first + i);
}

void evaluate(RowLoss loss, bool slopes, std::size_t rows, Block& block) {
  const Vector s{block.s.data(), rows}, y{block.y.data(), rows};
  const MutableVector value{block.value.data(), rows}, slope{block.slope.data(), rows};
  switch (loss) {
    case RowLoss::norm:
      std::copy_n(s.begin(), rows, value.begin());
      std::copy_n(s.begin(), rows, slope.begin());
      return;
    case RowLoss::absolute:
      return slopes ? mean_folded_slope(y, s, value, slope) : mean_folded(y, s, value);
    case RowLoss::cross_entropy:
      return slopes ? mean_softplus_slope(s, value, slope) : mean_softplus(s, value);
  }
}

double sum(const std::vector<double>& values, Index count) {
  double total = 0;
  for (Index i = 0; i < count; ++i) total += values[static_cast<std::size_t>(i)];
  return total;
}

}  // namespace

template <class T>
void normal_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                 Matrix variance, int threads, double* mean, double* slope) {
  require(rows > 0, "X must have at least one row");
  require(variance.cols == features + intercept, "variance must have ", features + intercept, " columns, got ",
          variance.cols);
  for (Index i = 0; i < variance.size(); ++i)
    require(std::isfinite(variance.data[i]) && variance.data[i] >= 0, "variance must be finite and not negative, got ",
            variance.data[i], " at law ", i / variance.cols, ", parameter ", i % variance.cols);
  const Index laws = variance.rows, size = std::clamp<Index>(kChunkFlops / (features + 40) / kBlock, 1, 1024) * kBlock;
  const base::Chunks chunks{rows, size}, groups{laws, kLaws};
  const auto width = static_cast<std::size_t>(laws * (slope ? 2 : 1));
  std::vector<double> partial(static_cast<std::size_t>(systems * chunks.number()) * width, 0.0);
  const Index tasks = systems * chunks.number() * groups.number();
  std::vector<Block> blocks(static_cast<std::size_t>(base::worker_count(tasks, threads)), Block(features));

  base::for_each_chunk(tasks, threads, [&](Index task, int worker) {
    Block& block = blocks[static_cast<std::size_t>(worker)];
    const Index piece = task / groups.number(), group = task % groups.number();
    const Index system = piece / chunks.number(), chunk = piece % chunks.number();
    double* sums = partial.data() + static_cast<std::size_t>(piece) * width;
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += kBlock) {
      const Index count = std::min(kBlock, chunks.end(chunk) - first);
      const T* part = X + (system * rows + first) * features;
      const Index readable = ((systems - system) * rows - first) * features;
      if (laws > 1) square(part, count, features, readable, block.squares.data());
      if (loss == RowLoss::absolute)
        for (Index i = 0; i < count; ++i) {
          const double target = static_cast<double>(y[system * rows + first + i]);
          require(std::isfinite(target), "y must be finite, got ", target, " at row ", first + i);
          block.y[static_cast<std::size_t>(i)] = target;
        }
      for (Index law = groups.begin(group); law < groups.end(group); ++law) {
        const double* v = variance.row(law);
        const double constant = intercept ? v[features] : 0.0;
        double s2[kBlock];
        if (laws == 1)
          weigh_rows(part, count, features, readable, v, constant, s2);
        else
          weigh(block.squares.data(), features, v, constant, s2);
        deviations(part, first, count, features, v, constant, s2, block);
        evaluate(loss, slope != nullptr, static_cast<std::size_t>(count), block);
        sums[law] += sum(block.value, count);
        if (slope) sums[laws + law] += sum(block.slope, count);
      }
    }
  });

  const double scale = 1.0 / static_cast<double>(rows);
  for (Index system = 0; system < systems; ++system)
    for (Index law = 0; law < laws; ++law) {
      double value = 0, derivative = 0;
      for (Index chunk = 0; chunk < chunks.number(); ++chunk) {
        const double* sums = partial.data() + static_cast<std::size_t>(system * chunks.number() + chunk) * width;
        value += sums[law];
        if (slope) derivative += sums[laws + law];
      }
      mean[system * laws + law] = value * scale;
      require(std::isfinite(value), "the energy must be below 1.8e308, got an overflow in the sum over rows of law ",
              law, "; use a smaller scale or rescale the features");
      if (slope) slope[system * laws + law] = derivative * scale;
    }
}

template void normal_rows<double>(const double*, const double*, Index, Index, Index, bool, RowLoss, Matrix, int,
                                  double*, double*);
template void normal_rows<float>(const float*, const float*, Index, Index, Index, bool, RowLoss, Matrix, int, double*,
                                 double*);

}  // namespace pyrometer::energy
