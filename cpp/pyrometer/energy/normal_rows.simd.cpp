#include "pyrometer/energy/normal_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/expectation.hpp"
#include "pyrometer/energy/row_norms.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kBlock = 64;  // rows at a time
constexpr Index kChunkFlops = 1 << 22;
// From so many laws on, squares are transposed once and every law runs over rows as vectors.
constexpr Index kTransposeFrom = 4;
constexpr double kSmall = 1e-280, kLarge = 1e280;

struct Block {
  std::vector<double> squares;  // feature-major: squares[j * kBlock + i]
  std::vector<double> weight;   // of one law, with zeros to a whole vector
  std::vector<double> s, y, value, slope;

  explicit Block(Index features)
      : squares(static_cast<std::size_t>(features * kBlock)),
        weight(static_cast<std::size_t>((features + kRowLanes - 1) / kRowLanes * kRowLanes), 0.0),
        s(kBlock),
        y(kBlock),
        value(kBlock),
        slope(kBlock) {}
};

template <class T>
void square(const T* X, Index rows, Index features, double* squares) {
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < features; ++j) {
      const double x = static_cast<double>(X[i * features + j]);
      squares[j * kBlock + i] = x * x;
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
void deviations(const T* X, Index first, Index rows, Index features, bool intercept, const double* variance,
                bool transposed, Block& block) {
  double s2[kBlock] = {};
  const double constant = intercept ? variance[features] : 0.0;
  if (transposed) {
    std::fill_n(s2, kBlock, constant);
    for (Index j = 0; j < features; ++j) {
      const double v = variance[j];
      const double* column = block.squares.data() + j * kBlock;
      for (Index i = 0; i < kBlock; ++i) s2[i] += v * column[i];
    }
  } else {
    std::copy_n(variance, features, block.weight.begin());
    weighted_squares(X, rows, features, block.weight.data(), constant, s2);
  }
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
  const bool transposed = variance.rows >= kTransposeFrom;
  const Index laws = variance.rows, work = std::max<Index>(1, (features + 40) * laws);
  const Index size = std::clamp<Index>(kChunkFlops / work / kBlock, 1, 1024) * kBlock;
  const base::Chunks chunks{rows, size};
  const auto width = static_cast<std::size_t>(laws * (slope ? 2 : 1));
  std::vector<double> partial(static_cast<std::size_t>(systems * chunks.number()) * width, 0.0);
  std::vector<Block> blocks(static_cast<std::size_t>(base::worker_count(systems * chunks.number(), threads)),
                            Block(features));

  base::for_each_chunk(systems * chunks.number(), threads, [&](Index task, int worker) {
    Block& block = blocks[static_cast<std::size_t>(worker)];
    const Index system = task / chunks.number(), chunk = task % chunks.number();
    double* sums = partial.data() + static_cast<std::size_t>(task) * width;
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += kBlock) {
      const Index count = std::min(kBlock, chunks.end(chunk) - first);
      const T* part = X + (system * rows + first) * features;
      if (transposed) square(part, count, features, block.squares.data());
      if (loss == RowLoss::absolute)
        for (Index i = 0; i < count; ++i) {
          const double target = static_cast<double>(y[system * rows + first + i]);
          require(std::isfinite(target), "y must be finite, got ", target, " at row ", first + i);
          block.y[static_cast<std::size_t>(i)] = target;
        }
      for (Index law = 0; law < laws; ++law) {
        deviations(part, first, count, features, intercept, variance.row(law), transposed, block);
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
