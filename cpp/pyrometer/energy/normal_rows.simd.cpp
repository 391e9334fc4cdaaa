#include "pyrometer/energy/normal_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/simd.hpp"
#include "pyrometer/energy/expectation.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kBlock = 64;  // rows at a time
// A task is so many rows and laws at most: neither number depends on how many laws there are, and so no law's bits do.
constexpr Index kChunkFlops = 1 << 22;
constexpr Index kLaws = 64;
constexpr Index kBatch = 1 << 12;
constexpr double kSmall = 1e-280, kLarge = 1e280;

using Numbers = base::Vec<double>;
using Truths = base::Vec<std::int64_t>;
constexpr Index kLanes = base::kLanes<double>;
constexpr Index kColumns = 8;                // a sum over features is eight sums, of every eighth feature
constexpr Index kParts = kColumns / kLanes;  // vectors for the eight columns of a row

struct Block {
  Index padded;                 // features, up to a multiple of kColumns
  std::vector<double> squares;  // kBlock rows of `padded`; the last columns stay 0
  alignas(64) double s2[kBlock], s[kBlock], y[kBlock]{}, value[kBlock], slope[kBlock];

  explicit Block(Index features)
      : padded(std::max<Index>(1, (features + kColumns - 1) / kColumns) * kColumns),
        squares(at(kBlock * padded), 0.0) {}
};

bool any(const Truths& odd) {
  bool found = false;
  for (int lane = 0; lane < kLanes; ++lane) found |= odd[lane] != 0;
  return found;
}

template <class T>
void square(const T* X, Index rows, Index features, Block& block) {
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < features; ++j) {
      const double x = static_cast<double>(X[i * features + j]);
      block.squares[at(i * block.padded + j)] = x * x;
    }
}

// The eight columns of kLanes rows, summed by halves: (((0 + 4) + (1 + 5)) + ((2 + 6) + (3 + 7))).
[[gnu::always_inline]] inline void sum_columns(const Numbers (&a)[kLanes][kParts], Numbers& sums) {
#if defined(__AVX512F__)
  Numbers b[4], c[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    b[i] = __builtin_shufflevector(a[i][0], a[i + 4][0], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(a[i][0], a[i + 4][0], 4, 5, 6, 7, 12, 13, 14, 15);
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)
    c[i] = __builtin_shufflevector(b[2 * i], b[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
           __builtin_shufflevector(b[2 * i], b[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  sums = __builtin_shufflevector(c[0], c[1], 0, 1, 8, 9, 4, 5, 12, 13) +
         __builtin_shufflevector(c[0], c[1], 2, 3, 10, 11, 6, 7, 14, 15);
#else
  Numbers b[4], c[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) b[i] = a[i][0] + a[i][1];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)
    c[i] = __builtin_shufflevector(b[2 * i], b[2 * i + 1], 0, 4, 2, 6) +
           __builtin_shufflevector(b[2 * i], b[2 * i + 1], 1, 5, 3, 7);
  sums = __builtin_shufflevector(c[0], c[1], 0, 1, 4, 5) + __builtin_shufflevector(c[0], c[1], 2, 3, 6, 7);
#endif
}

// sum_j variance_j x_ij^2 of kLanes rows that are `stride` apart, variance padded with zeros: from x, whose last
// columns reach into the next row and are masked, or from the padded squares.
template <bool kSquared, class T>
[[gnu::always_inline]] inline void weigh(const T* x, Index stride, const std::vector<double>& variance,
                                         const Truths (&mask)[kParts], Numbers& sums) {
  Numbers a[kLanes][kParts];
#pragma GCC unroll 8
  for (auto& row : a)
#pragma GCC unroll 2
    for (auto& part : row) part = Numbers{};
  const auto add = [&](Index j, bool last) __attribute__((always_inline)) {
#pragma GCC unroll 2
    for (Index part = 0; part < kParts; ++part) {
      Numbers v, w;
      base::load(variance.data() + j + part * kLanes, w);
#pragma GCC unroll 8
      for (Index row = 0; row < kLanes; ++row) {
        base::load(x + row * stride + j + part * kLanes, v);
        if constexpr (!kSquared) {
          if (last) {
            const Truths bits = reinterpret_cast<Truths>(v) & mask[part];
            v = reinterpret_cast<Numbers>(bits);
          }
          v *= v;
        }
        a[row][part] += w * v;
      }
    }
  };
  const Index last = static_cast<Index>(variance.size()) - kColumns;
  for (Index j = 0; j < last; j += kColumns) add(j, false);
  add(last, true);
  sum_columns(a, sums);
}

[[gnu::always_inline]] inline void deviation(Numbers& sums, double constant, Block& block, Index i) {
  sums += constant;
  base::store<double>(block.s2 + i, sums);
  for (int lane = 0; lane < kLanes; ++lane) sums[lane] = std::sqrt(sums[lane]);
  base::store<double>(block.s + i, sums);
}

// s^2 and s of the rows of a block, constant + sum_j variance_j x_ij^2, from X or from the squares of all rows.
template <class T>
void weigh(const T* X, Index rows, Index features, Index readable, bool squared, const std::vector<double>& variance,
           double constant, Block& block) {
  Truths mask[kParts];
  for (Index j = 0; j < kColumns; ++j) mask[j / kLanes][j % kLanes] = j < features - (block.padded - kColumns) ? -1 : 0;
  Numbers sums;
  Index i = 0;
  base::Ahead ahead{reinterpret_cast<std::uintptr_t>(X + kBlock * features), 64};
  for (; !squared && i + kLanes <= rows && (i + kLanes - 1) * features + block.padded <= readable; i += kLanes) {
    for (std::size_t k = 0; k < at(kLanes * features) * sizeof(T); k += 64) ahead.fetch();
    weigh<false>(X + i * features, features, variance, mask, sums);
    deviation(sums, constant, block, i);
  }
  if (!squared) square(X + i * features, rows - i, features, block);
  for (const double* squares = block.squares.data(); i < rows; i += kLanes, squares += kLanes * block.padded) {
    weigh<true>(squares, block.padded, variance, mask, sums);
    deviation(sums, constant, block, i);
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
                Block& block) {
  Truths odd{};
  for (Index i = 0; i < rows; i += kLanes) {
    Numbers v;
    base::load(block.s2 + i, v);
    odd |= (v <= kSmall) | (v >= kLarge) | (v != v);
  }
  if (!any(odd)) [[likely]]
    return;
  for (Index i = 0; i < rows; ++i)
    if (!(block.s2[i] > kSmall && block.s2[i] < kLarge))
      block.s[i] = careful_deviation(X + i * features, features, variance, constant, first + i);
}

template <class T>
void targets(const T* y, Index first, Index rows, Block& block) {
  Truths odd{};
  for (Index i = 0; i < rows; ++i) block.y[i] = static_cast<double>(y[i]);
  for (Index i = 0; i < rows; i += kLanes) {
    Numbers v;
    base::load(block.y + i, v);
    odd |= v - v != Numbers{};
  }
  if (!any(odd)) [[likely]]
    return;
  for (Index i = 0; i < rows; ++i) require(std::isfinite(y[i]), "y must be finite, got ", y[i], " at row ", first + i);
}

void evaluate(RowLoss loss, bool slopes, std::size_t rows, Block& block) {
  const Vector s{block.s, rows};
  const MutableVector value{block.value, rows}, slope{block.slope, slopes ? rows : 0};
  switch (loss) {
    case RowLoss::norm:
      std::copy_n(block.s, rows, block.value);
      std::copy_n(block.s, rows, block.slope);
      return;
    case RowLoss::absolute:
      return mean_folded({block.y, rows}, s, value, slope);
    case RowLoss::cross_entropy:
      return mean_softplus(s, value, slope);
  }
}

// Sums of every eighth row, summed by halves.
double sum(const double (&values)[kBlock], Index count) {
  double total[8]{};
  for (Index i = 0; i < count / 8 * 8; i += 8)
    for (Index k = 0; k < 8; ++k) total[k] += values[i + k];
  for (Index i = count / 8 * 8; i < count; ++i) total[i % 8] += values[i];
  return ((total[0] + total[4]) + (total[1] + total[5])) + ((total[2] + total[6]) + (total[3] + total[7]));
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
  // Small ones by the dozen.
  const base::Chunks batches{tasks, std::max<Index>(1, kBatch / (std::min(rows, size) * std::min(laws, kLaws)))};
  std::vector<Block> blocks(at(base::worker_count(batches.number(), threads)), Block(features));
  std::vector<std::vector<double>> weights(at(laws), std::vector<double>(at(blocks[0].padded), 0.0));
  for (Index law = 0; law < laws; ++law) std::copy_n(variance.row(law), features, weights[at(law)].begin());

  const auto sum_rows = [&](Index task, Block& block) {
    const Index piece = task / groups.number(), group = task % groups.number();
    const Index system = piece / chunks.number(), chunk = piece % chunks.number();
    double* sums = partial.data() + static_cast<std::size_t>(piece) * width;
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += kBlock) {
      const Index count = std::min(kBlock, chunks.end(chunk) - first);
      const T* part = X + (system * rows + first) * features;
      const Index readable = ((systems - system) * rows - first) * features;
      if (laws > 1) square(part, count, features, block);
      if (loss == RowLoss::absolute) targets(y + system * rows + first, first, count, block);
      for (Index law = groups.begin(group); law < groups.end(group); ++law) {
        const double* v = variance.row(law);
        const double constant = intercept ? v[features] : 0.0;
        weigh(part, count, features, readable, laws > 1, weights[at(law)], constant, block);
        deviations(part, first, count, features, v, constant, block);
        evaluate(loss, slope != nullptr, static_cast<std::size_t>(count), block);
        sums[law] += sum(block.value, count);
        if (slope) sums[laws + law] += sum(block.slope, count);
      }
    }
  };
  base::for_each_chunk(batches.number(), threads, [&](Index batch, int worker) {
    for (Index task = batches.begin(batch); task < batches.end(batch); ++task) sum_rows(task, blocks[at(worker)]);
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
