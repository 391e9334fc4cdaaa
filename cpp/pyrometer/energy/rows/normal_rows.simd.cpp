#include "pyrometer/energy/rows/normal_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/data/by_rows.hpp"
#include "pyrometer/energy/rows/expectation.hpp"
#include "pyrometer/energy/rows/log_sum_exp.hpp"
#include "pyrometer/energy/rows/weighted_squares.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kBlock = 64;        // rows at a time
constexpr std::size_t kWhole = 16;  // rows that are evaluated at a time
// The maximum rows and laws of a task: independent of the number of laws, so that the bits of each law are.
constexpr Index kChunkFlops = 1 << 22;
constexpr Index kLaws = 64;
constexpr Index kBatch = 1 << 12;  // rows times laws
// Between these, sums of squares have no underflow or overflow if the scales are within their own range.
constexpr double kSmall = 1e-100, kLarge = 1e280, kLeastScale = 1e-90, kLargestScale = 1e90;

// The workspace of a thread.
struct Block {
  Index columns;                // of the squares
  std::vector<double> squares;  // the last columns stay 0
  alignas(64) double s2[kBlock], s[kBlock]{}, y[kBlock]{}, value[kBlock], slope[kBlock];

  explicit Block(Index features) : columns(padded(features)), squares(at(kBlock * columns), 0.0) {}
};

// One law: its scales, and their squares.
struct Law {
  const double* scale;          // of the features
  double last;                  // the intercept's
  std::vector<double> weights;  // of the features, padded with zeros
  double constant;              // the intercept's
  bool extreme = false;         // squares of the scales or of scaled features may leave the range of a double

  Law(const double* scales, Index features, bool intercept)
      : scale(scales),
        last(intercept ? scales[features] : 0.0),
        weights(at(padded(features)), 0.0),
        constant(last * last) {
    for (Index j = 0; j < features; ++j) weights[at(j)] = scales[j] * scales[j];
    for (Index j = 0; j < features + intercept; ++j)
      extreme |= !(scales[j] >= kLeastScale && scales[j] <= kLargestScale);
  }
};

bool any(const Truths& odd) {
  std::int64_t any = 0;
  for (int lane = 0; lane < kLanes; ++lane) any |= odd[lane];
  return any != 0;
}

template <class T>
void square(const T* X, Index rows, Index features, Block& block) {
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < features; ++j) {
      const double x = static_cast<double>(X[i * features + j]);
      block.squares[at(i * block.columns + j)] = x * x;
    }
}

// s^2 and s of a vector of rows.
[[gnu::always_inline]] inline void keep(Numbers& sums, double constant, double* s2, double* s) {
  sums += constant;
  base::store<double>(s2, sums);
  for (int lane = 0; lane < kLanes; ++lane) sums[lane] = std::sqrt(sums[lane]);
  base::store<double>(s, sums);
}

// Rows up to `end` that can be read in whole vectors.
template <class T>
[[gnu::noinline]] void weigh_whole(const T* X, Index end, Index features, const double* weights, double constant,
                                   double* s2, double* s) {
  const Edge edge(features);
  Numbers sums;
  if (features == 1) {
    for (Index i = 0; i < end; i += kLanes) {
      base::load(X + i, sums);
      sums *= sums;
      sums *= weights[0];
      keep(sums, constant, s2 + i, s + i);
    }
    return;
  }
  // Prefetches the next block.
  base::Ahead ahead{reinterpret_cast<std::uintptr_t>(X + 4 * kBlock * features), 64};
  const Index lines = kLanes * features * static_cast<Index>(sizeof(T)) / 64;
  for (Index i = 0; i < end; i += kLanes, X += kLanes * features) {
    for (Index k = 0; k < lines; ++k) ahead.fetch();
    weighted_squares<false>(X, features, features, weights, edge, sums);
    keep(sums, constant, s2 + i, s + i);
  }
}

// s^2 and s of all rows, from block.squares if `squared`, else from X, of which `readable` numbers are there.
template <class T>
void weigh(const T* X, Index rows, Index features, Index readable, bool squared, const Law& law, Block& block) {
  const double* const weights = law.weights.data();
  Index i = 0;
  if (!squared) {
    const Index first = readable - block.columns - (kLanes - 1) * features;  // that of the last whole vector, at most
    if (features > 0 && first >= 0)
      i = std::min((rows + kLanes - 1) / kLanes, first / (kLanes * features) + 1) * kLanes;
    weigh_whole(X, i, features, weights, law.constant, block.s2, block.s);
    if (i >= rows) return;
    square(X + i * features, rows - i, features, block);
  }
  const Edge edge(features);
  Numbers sums;
  for (const double* squares = block.squares.data(); i < rows; i += kLanes, squares += kLanes * block.columns) {
    weighted_squares<true>(squares, block.columns, features, weights, edge, sums);
    keep(sums, law.constant, block.s2 + i, block.s + i);
  }
}

// The deviation of one row whose squares leave the range of a double, without squares; an error if it is not finite.
template <class T>
double scaled_deviation(const T* x, Index features, const Law& law, Index row) {
  double s = law.last;
  for (Index j = 0; j < features; ++j) {
    const double value = static_cast<double>(x[j]);
    require(std::isfinite(value), "X must be finite, got ", value, " at row ", row, ", column ", j,
            "; drop or fill it");
    s = std::hypot(s, value * law.scale[j]);
  }
  require(std::isfinite(s), "the energy must be below 1.8e308, got an overflow at row ", row,
          "; use a smaller scale or rescale the features");
  return s;
}

// Rows `first` to `first + rows` of a system of `all` rows, or those of several systems.
template <class T>
void replace_odd(const T* X, Index first, Index rows, Index all, Index features, const Law& law, Block& block) {
  Truths odd{};
  for (Index i = 0; i < rows; i += kLanes) {
    Numbers v;
    base::load(block.s2 + i, v);
    odd |= ~((v > kSmall) & (v < kLarge));
  }
  if (!law.extreme && !any(odd)) [[likely]]
    return;
  for (Index i = 0; i < rows; ++i)
    if (law.extreme || !(block.s2[i] > kSmall && block.s2[i] < kLarge))
      block.s[i] = scaled_deviation(X + i * features, features, law, (first + i) % all);
}

template <class T>
void targets(const T* y, Index first, Index rows, Index all, Block& block) {
  Truths odd{};
  for (Index i = 0; i < rows; i += kLanes) {
    Numbers v{};
    if (i + kLanes <= rows) [[likely]] {
      base::load(y + i, v);
    } else {
      for (Index lane = 0; i + lane < rows; ++lane) v[lane] = static_cast<double>(y[i + lane]);
    }
    base::store<double>(block.y + i, v);
    odd |= v - v != Numbers{};
  }
  if (!any(odd)) [[likely]]
    return;
  for (Index i = 0; i < rows; ++i)
    require(std::isfinite(y[i]), "y must be finite, got ", y[i], " at row ", (first + i) % all, "; drop or fill it");
}

void evaluate(RowLoss loss, const LogSumExp* many, bool slopes, std::size_t rows, Block& block) {
  // Of the kernels of whole vectors, with values that are not used.
  const std::size_t size = loss == RowLoss::softmax ? rows : (rows + kWhole - 1) / kWhole * kWhole;
  const Vector s{block.s, size};
  const MutableVector value{block.value, size}, slope{block.slope, slopes ? size : 0};
  switch (loss) {
    case RowLoss::norm:
      std::copy_n(block.s, rows, block.value);
      std::copy_n(block.s, rows, block.slope);
      return;
    case RowLoss::absolute:
      return mean_folded({block.y, size}, s, value, slope);
    case RowLoss::cross_entropy:
      return mean_softplus(s, value, slope);
    case RowLoss::softmax:
      return (*many)(s, value, slope);
  }
}

void weigh(const double* weights, Index rows, bool slopes, Block& block) {
  for (Index i = 0; i < rows; ++i) block.value[i] *= weights[i];
  for (Index i = 0; slopes && i < rows; ++i) block.slope[i] *= weights[i];
}

// Sums of every eighth row, summed by halves.
double sum(const double* values, Index count) {
  double total[8]{};
  for (Index i = 0; i < count / 8 * 8; i += 8)
    for (Index k = 0; k < 8; ++k) total[k] += values[i + k];
  for (Index i = count / 8 * 8; i < count; ++i) total[i % 8] += values[i];
  return ((total[0] + total[4]) + (total[1] + total[5])) + ((total[2] + total[6]) + (total[3] + total[7]));
}

}  // namespace

template <class T>
void normal_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                 Matrix scale, int threads, double* mean, double* slope, const double* weights, Index classes,
                 bool by_columns) {
  require(rows > 0, "X must have at least one row");
  require(scale.cols == features + intercept, "scale must have ", features + intercept, " columns, got ", scale.cols);
  for (Index i = 0; i < scale.size(); ++i)
    require(std::isfinite(scale.data[i]) && scale.data[i] >= 0, "scale must be finite and not negative, got ",
            scale.data[i], " at law ", i / scale.cols, ", parameter ", i % scale.cols);
  const LogSumExp* const many = loss == RowLoss::softmax ? &LogSumExp::of(classes) : nullptr;
  const Index laws = scale.rows, size = std::clamp<Index>(kChunkFlops / (features + 40) / kBlock, 1, 1024) * kBlock;
  const base::Chunks chunks{rows, size}, groups{laws, kLaws};
  // Small systems share a block.
  const base::Chunks shared{systems, by_columns ? 1 : std::max<Index>(1, kBlock / rows)};
  const auto width = at(laws * (slope ? 2 : 1));
  std::vector<double> partial(at(systems * chunks.number()) * width, 0.0);
  const Index tasks = shared.number() * chunks.number() * groups.number();
  // Small systems are grouped into chunks.
  const Index pairs = std::min(rows * shared.size, size) * std::clamp<Index>(laws, 1, kLaws);
  const base::Chunks batches{tasks, std::max<Index>(1, kBatch / pairs)};
  const auto workers = at(base::worker_count(batches.number(), threads));
  std::vector<Block> blocks(workers, Block(features));
  std::vector<std::vector<T>> copies(workers, std::vector<T>(at(by_columns ? kBlock * features + 8 : 0)));
  std::vector<Law> described;
  for (Index law = 0; law < laws; ++law) described.emplace_back(scale.row(law), features, intercept);

  const auto sum_rows = [&](Index task, int worker) {
    Block& block = blocks[at(worker)];
    const Index piece = task / groups.number(), group = task % groups.number();
    const Index system = shared.begin(piece / chunks.number()), chunk = piece % chunks.number();
    const Index members = shared.end(piece / chunks.number()) - system;
    double* const all_sums = partial.data() + at(system * chunks.number() + chunk) * width;
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += kBlock) {
      const Index each = std::min(kBlock, chunks.end(chunk) - first), count = members * each;
      const T* part = X + (system * rows + first) * features;
      Index readable = ((systems - system) * rows - first) * features;
      if (by_columns) {
        std::vector<T>& copy = copies[at(worker)];
        data::by_rows(X + system * rows * features + first, rows, count, features, copy.data());
        part = copy.data();
        readable = static_cast<Index>(copy.size());
      }
      if (laws > 1) square(part, count, features, block);
      if (loss == RowLoss::absolute) targets(y + system * rows + first, first, count, rows, block);
      for (Index law = groups.begin(group); law < groups.end(group); ++law) {
        weigh(part, count, features, readable, laws > 1, described[at(law)], block);
        replace_odd(part, first, count, rows, features, described[at(law)], block);
        evaluate(loss, many, slope != nullptr, at(count), block);
        if (weights) weigh(weights + system * rows + first, count, slope != nullptr, block);
        double* sums = all_sums + law;
        for (Index i = 0; i < count; i += each, sums += width) {
          *sums += sum(block.value + i, each);
          if (slope) sums[laws] += sum(block.slope + i, each);
        }
      }
    }
  };
  base::for_each_chunk(batches.number(), threads, [&](Index batch, int worker) {
    for (Index task = batches.begin(batch); task < batches.end(batch); ++task) sum_rows(task, worker);
  });

  const double share = 1.0 / static_cast<double>(rows);
  for (Index system = 0; system < systems; ++system)
    for (Index law = 0; law < laws; ++law) {
      double value = 0, derivative = 0;
      for (Index chunk = 0; chunk < chunks.number(); ++chunk) {
        const double* sums = partial.data() + at(system * chunks.number() + chunk) * width;
        value += sums[law];
        if (slope) derivative += sums[laws + law];
      }
      mean[system * laws + law] = value * share;
      require(std::isfinite(value), "the energy must be below 1.8e308, got an overflow in the sum over rows of law ",
              law, "; use a smaller scale or rescale the features");
      if (slope) slope[system * laws + law] = derivative * share;
    }
}

template void normal_rows<double>(const double*, const double*, Index, Index, Index, bool, RowLoss, Matrix, int,
                                  double*, double*, const double*, Index, bool);
template void normal_rows<float>(const float*, const float*, Index, Index, Index, bool, RowLoss, Matrix, int, double*,
                                 double*, const double*, Index, bool);

}  // namespace pyrometer::energy
