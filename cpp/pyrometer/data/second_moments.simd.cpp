#include "pyrometer/data/second_moments.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/double_double.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/data/by_rows.hpp"
#include "pyrometer/data/diagnose.hpp"
#include "pyrometer/data/few.hpp"
#include "pyrometer/data/merge_tree.hpp"
#include "pyrometer/data/narrow.hpp"
#include "pyrometer/data/outer.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/data/products.hpp"
#include "pyrometer/data/small.hpp"

namespace pyrometer::data {
namespace {

using base::aligned_array;
using base::AlignedArray;
using base::Chunks;

// Enough chunks for many threads, each long compared with its (p + 1)^2 results and short enough for the shift.
Chunks chunks_of(Index rows, Index columns) {
  const Index size = std::max({Index{1024}, 4 * columns, std::min((rows + 63) / 64, Index{16384})});
  return {rows, (size + kBlock - 1) / kBlock * kBlock};
}

// A few columns take less time for each row by columns than by rows, but more in the end, in particular of several
// tiles; one full vector does not.
constexpr Index kFewRows = 1024;
constexpr Index few_rows(Index columns) { return columns <= kFewTile ? kSmallRows : kFewRows; }

// Rows whose products are added one after the other: beside a far larger one, all may be rounded in the same way. Of
// many columns, whose errors average, those of a block.
constexpr Index kRun = 32, kFewRuns = 64;

// Scratch memory of one worker.
template <class T>
struct Scratch {
  explicit Scratch(const Stack<T>& data)
      : deviations(aligned_array<double>(kBlock * padded(data.features + 1))),
        sums(aligned_array<double>(padded(data.features + 1))),
        rows(aligned_array<T>(data.by_columns ? kBlock * data.features + kOuterLanes : 0)),
        packed(aligned_array<double>(data.features < kFew ? kFewPacked : 0)),
        products(aligned_array<double>(data.features < kFew ? std::max(few_sums(data.features + 1), kOuterSums) : 0)) {
    if (data.features < kFew) std::fill_n(packed.get(), kFewPacked, 0.0);
  }

  // Rows that are stored by rows.
  Rows<T> in_rows(const Rows<T>& from) const {
    if (from.stride == 0) return from;
    by_rows(from.X, from.stride, from.rows, from.features, rows.get());
    const Index readable = std::min(kBlock * from.features + kOuterLanes, from.readable);
    return {rows.get(), from.y, from.rows, from.features, readable, from.weights};
  }

  AlignedArray<double> deviations, sums;
  AlignedArray<T> rows;
  AlignedArray<double> packed, products;  // of a few columns
};

template <class T>
std::vector<Scratch<T>> scratches(int workers, const Stack<T>& data) {
  std::vector<Scratch<T>> all;
  for (int worker = 0; worker < workers; ++worker) all.emplace_back(data);
  return all;
}

template <class T>
void first_row(const Rows<T>& rows, Index ld, double* shift) {
  std::fill(shift, shift + ld, 0.0);
  for (Index j = 0; j < rows.features; ++j)
    shift[j] = static_cast<double>(rows.X[rows.stride > 0 ? j * rows.stride : j]);
  shift[rows.features] = static_cast<double>(rows.y[0]);
}

using V = base::Vec<double>;
constexpr Index kWidth = base::kLanes<double>;

// Weighted sums of the deviations of a block. 2 flops and 8 bytes a number.
void sum_weighted(const double* weights, Index depth, Index columns, const double* d, double* sums) {
  for (Index n = 0; n < panels(columns); ++n) {
    V sum{}, v;
    for (Index k = 0; k < depth; ++k, d += kWidth) {
      base::load(d, v);
      sum += weights[k] * v;
    }
    d += (kBlock - depth) * kWidth;
    base::store<double>(sums + n * kWidth, sum);
  }
}

// Adds the sum of weights, to twice the digits of a double. 7 flops and 8 bytes each.
void add_weights(const double* weights, Index number, base::DoubleDouble& total) {
  V high{}, low{}, v;
  Index k = 0;
  for (; k + kWidth <= number; k += kWidth) {
    base::load(weights + k, v);
    base::add_compensated(high, low, v);
  }
  for (Index lane = 0; lane < kWidth; ++lane) total.add(base::DoubleDouble(high[lane], low[lane]));
  for (; k < number; ++k) total.add(weights[k]);
}

// Deviations of a block times the square roots of the weights. 1 flop and 16 bytes a number.
void weigh(const double* weights, Index depth, Index columns, double* d) {
  double root[kBlock];
  for (Index k = 0; k < depth; ++k) root[k] = std::sqrt(weights[k]);
  for (Index n = 0; n < panels(columns); ++n) {
    V v;
    double* panel = d + n * kBlock * kWidth;
    for (Index k = 0; k < depth; ++k, panel += kWidth) {
      base::load(panel, v);
      base::store<double>(panel, root[k] * v);
    }
  }
}

// Returns the sum of the weights; moves `shift`, near the rows, to their weighted mean.
template <class T>
double centre(const Rows<T>& rows, const Scratch<T>& scratch, double* shift) {
  const Index columns = rows.features + 1;
  double *sums = scratch.sums.get(), *d = scratch.deviations.get();
  std::vector<base::DoubleDouble> total(at(columns));
  base::DoubleDouble weight;
  add_weights(rows.weights, rows.rows, weight);
  for (Index begin = 0; begin < rows.rows; begin += kBlock) {
    const Rows<T> block = rows.from(begin, std::min(begin + kBlock, rows.rows));
    pack(scratch.in_rows(block), shift, d, sums);
    sum_weighted(block.weights, block.rows, columns, d, sums);
    for (Index j = 0; j < columns; ++j) total[at(j)].add(sums[j]);
  }
  for (Index j = 0; j < columns; ++j) shift[j] += total[at(j)].value() / weight.value();
  return weight.value();
}

// The mean of the first sqrt(m) rows, at least kFirst; an outlier among them does not cost accuracy, since it
// contributes to the variance. If the rows fit the L1 cache, or have weights, the mean of all rows: small systems then
// lose no digits where the first rows are far from the others. Computed from differences to the first row, so that
// constant columns have deviations of exactly 0. Returns the number of rows, or the sum of their weights.
constexpr Index kFirst = 32;
template <class T>
double set_shift(const Rows<T>& rows, const Scratch<T>& scratch, double* shift) {
  const Index columns = rows.features + 1;
  const double m = static_cast<double>(rows.rows);
  first_row(rows, padded(columns), shift);
  if (rows.weights) return centre(rows, scratch, shift);
  const Index root = std::clamp(static_cast<Index>(std::ceil(std::sqrt(m))), kFirst, kBlock);
  const Index first = rows.rows <= kBlock ? rows.rows : root;
  const Rows<T> near = scratch.in_rows(rows.from(0, first));
  if (rows.features <= kNarrow) {
    add_mean(near, shift);
    return m;
  }
  double* const sums = scratch.sums.get();
  pack(near, shift, scratch.deviations.get(), sums);
  for (Index j = 0; j < columns; ++j) shift[j] += sums[j] / static_cast<double>(first);
  return m;
}

// Sums of deviations and of their products, of a few columns.
template <class T>
void sum_few(const Rows<T>& rows, const Scratch<T>& scratch, const double* shift, double* off, double* scatter) {
  const Index columns = rows.features + 1;
  double *d = scratch.packed.get(), *products = scratch.products.get();
  std::fill_n(products, few_sums(columns), 0.0);
  for (Index begin = 0; begin < rows.rows; begin += kBlock) {
    const Rows<T> block = rows.from(begin, std::min(begin + kBlock, rows.rows));
    pack_few(block, shift, d);
    if (block.weights) weigh_few(block.weights, block.rows, columns, d, off);
    add_few(d, block.rows, columns, products, Following(block));
  }
  finish_few(columns, products, rows.weights ? nullptr : off, scatter);
}

// The same of rows that fit into three short vectors.
template <class T>
void sum_outer(const Rows<T>& rows, const Scratch<T>& scratch, const double* shift, double* off, double* scatter) {
  double* const sums = scratch.products.get();
  std::fill_n(sums, outer_sums(rows.rows), 0.0);
  for (Index begin = 0; begin < rows.rows; begin += kBlock) {
    const Rows<T> block = scratch.in_rows(rows.from(begin, std::min(begin + kBlock, rows.rows)));
    add_outer(block, shift, sums + begin / kBlock % 2 * kOuterHalf);
  }
  finish_outer(rows.rows, rows.features + 1, sums, off, scatter);
}

// The same of rows that fit into one vector.
template <class T>
void sum_narrow(const Rows<T>& rows, const Scratch<T>& scratch, const double* shift, double* off, double* scatter) {
  for (Index begin = 0; begin < rows.rows; begin += kRun) {
    const Rows<T> block = scratch.in_rows(rows.from(begin, std::min(begin + kRun, rows.rows)));
    add_narrow(block, shift, off, scatter, block.X + kBlock * rows.features);
  }
}

// The same of rows of many columns. goes_on: the worker continues behind the chunk, so prefetching may, too.
template <class T>
void sum_many(const Rows<T>& rows, bool goes_on, const Scratch<T>& scratch, const double* shift, double* off,
              double* scatter) {
  const Index p = rows.features, columns = p + 1, m = rows.rows;
  double *sums = scratch.sums.get(), *d = scratch.deviations.get();
  const Index last = goes_on && rows.stride == 0 ? rows.readable / p : m;
  for (Index begin = 0; begin < m; begin += kBlock) {
    const Index end = std::min(begin + kBlock, m), next = std::min(end + kBlock, last);
    const Rows<T> block = scratch.in_rows(rows.from(begin, end));
    pack(block, shift, d, sums);
    if (block.weights) {
      sum_weighted(block.weights, end - begin, columns, d, sums);
      weigh(block.weights, end - begin, columns, d);
    }
    for (Index j = 0; j < columns; ++j) off[j] += sums[j];
    const Index ahead = rows.stride > 0 ? 0 : (next - end) * p, run = columns <= kFewRuns ? kRun : kBlock;
    const T* const following = block.X + (end - begin) * p;
    for (Index k = 0; k < end - begin; k += run) {
      const Index depth = std::min(run, end - begin - k), share = ahead * depth / (end - begin);
      add_products(d + k * kWidth, depth, columns, scatter, following + ahead * k / (end - begin),
                   share * static_cast<Index>(sizeof(T)));
    }
  }
  finish_products(columns, scatter);
}

template <class T>
void chunk_moments(const Rows<T>& rows, bool goes_on, const Scratch<T>& scratch, Part& part) {
  const Index columns = rows.features + 1, ld = padded(columns);
  double *off = part.off.get(), *scatter = part.scatter.get();
  const double n = set_shift(rows, scratch, part.shift.get());
  std::fill(off, off + ld, 0.0);
  start_products(columns, scatter);
  const bool weighted = rows.weights != nullptr;
  if (fits_outer(columns) && !weighted)
    sum_outer(rows, scratch, part.shift.get(), off, scatter);
  else if (columns <= kFew && (weighted || (rows.rows >= few_rows(columns) && rows.features != kNarrow)))
    sum_few(rows, scratch, part.shift.get(), off, scatter);
  else if (rows.features <= kNarrow && !weighted)
    sum_narrow(rows, scratch, part.shift.get(), off, scatter);
  else
    sum_many(rows, goes_on, scratch, part.shift.get(), off, scatter);

  // The rows' mean is shift + off.
  for (Index j = 0; j < ld; ++j) off[j] /= n;
  for (Index i = 0; i < columns; ++i) {
    double* row = scatter + i * ld;
    part.squares[at(i)] = row[i];
    for (Index j = i / kNarrow * kNarrow; j < ld; ++j) row[j] -= n * (off[i] * off[j]);  // whole vectors
    row[i] = std::max(row[i], 0.0);  // negative by rounding, where one row has nearly all of the weight
  }
  part.count = n;
}

// The outputs of a stack, and which systems need to be checked.
struct Results {
  const MomentsOut& to;
  std::vector<char> suspicious;
};

// Writes the result of a system, both triangles, in tiles that fit the L1 cache.
void write(const Part& part, Index columns, Index system, Results& out) {
  constexpr Index kSquare = 32;
  const Index ld = padded(columns);
  double *mean = out.to.mean + system * columns, *scatter = out.to.scatter + system * columns * columns;
  const Index skip = static_cast<Index>(out.suspicious.size()) * columns;
  double *low = out.to.once + system * columns, *squares = low + skip, *remaining = squares + skip;
  for (Index j = 0; j < columns; ++j) {
    const auto k = at(j);
    const base::DoubleDouble whole = base::DoubleDouble::sum(part.shift[k], part.off[k]);
    mean[j] = whole.hi;
    low[j] = whole.lo;
    squares[j] = part.squares[k];
    remaining[j] = part.scatter[at(j * ld + j)];
  }
  for (Index top = 0; top < columns; top += kSquare) {
    for (Index left = top; left < columns; left += kSquare) {
      for (Index i = top; i < std::min(top + kSquare, columns); ++i) {
        for (Index j = std::max(i, left); j < std::min(left + kSquare, columns); ++j) {
          scatter[i * columns + j] = scatter[j * columns + i] = part.scatter[at(i * ld + j)];
        }
      }
    }
  }
  out.suspicious[at(system)] = suspicious(columns, mean, scatter);
}

template <class T>
Rows<T> rows_of(const Stack<T>& data, Index system) {
  const Index size = data.rows * data.features;
  return {data.X + system * size,
          data.y + system * data.rows,
          data.rows,
          data.features,
          (data.systems - system) * size,
          data.weights ? data.weights + system * data.rows : nullptr,
          data.by_columns ? data.rows : 0};
}

// The smallest systems: one in each lane.
template <class T>
void lane_by_lane(const Stack<T>& data, int threads, Results& out) {
  const Index columns = data.features + 1, at_once = small_at_once();
  const Chunks groups{data.systems, std::max(Index{1}, 65536 / (data.rows * columns * at_once)) * at_once};
  const int workers = base::worker_count(groups.number(), threads);
  const auto scratch = scratches(workers, data);
  std::vector<AlignedArray<double>> rows;
  for (int worker = 0; worker < workers; ++worker) rows.push_back(aligned_array<double>(kSmallNumbers * at_once));
  base::for_each_chunk(groups.number(), threads, [&](Index group, int worker) {
    const auto w = at(worker);
    for (Index s = groups.begin(group); s < groups.end(group); s += at_once)
      small_moments(data, s, rows[w].get(), scratch[w].packed.get(), scratch[w].products.get(), out.to);
    for (Index s = groups.begin(group); s < groups.end(group); ++s)
      out.suspicious[at(s)] = suspicious(columns, out.to.mean + s * columns, out.to.scatter + s * columns * columns);
  });
}

// Small systems: many in a chunk, each computed by one worker.
template <class T>
void side_by_side(const Stack<T>& data, Chunks chunks, int threads, Results& out) {
  const Index columns = data.features + 1;
  const Chunks groups{data.systems, std::max(Index{1}, 65536 / (data.rows * columns))};
  const int workers = base::worker_count(groups.number(), threads);
  const auto scratch = scratches(workers, data);
  std::deque<MergeTree> trees;
  for (int worker = 0; worker < workers; ++worker) trees.emplace_back(columns);
  base::for_each_chunk(groups.number(), threads, [&](Index group, int worker) {
    const auto w = at(worker);
    MergeTree& tree = trees[w];
    std::unique_ptr<Part> alone = tree.take();
    for (Index s = groups.begin(group); s < groups.end(group); ++s) {
      if (chunks.number() == 1) {
        chunk_moments(rows_of(data, s), true, scratch[w], *alone);
        write(*alone, columns, s, out);
        continue;
      }
      tree.reset(chunks.number());
      for (Index k = 0; k < chunks.number(); ++k) {
        auto part = tree.take();
        chunk_moments(rows_of(data, s).from(chunks.begin(k), chunks.end(k)), true, scratch[w], *part);
        tree.add(k, std::move(part));
      }
      write(tree.root(), columns, s, out);
    }
  });
}

// Large systems: one after the other, each computed by all workers.
template <class T>
void one_by_one(const Stack<T>& data, Chunks chunks, int threads, Results& out) {
  const Index columns = data.features + 1;
  const int workers = base::worker_count(chunks.number(), threads);
  const auto scratch = scratches(workers, data);
  MergeTree tree(columns);
  for (Index s = 0; s < data.systems; ++s) {
    tree.reset(chunks.number());
    base::for_each_chunk(chunks.number(), threads, [&](Index k, int worker) {
      auto part = tree.take();
      chunk_moments(rows_of(data, s).from(chunks.begin(k), chunks.end(k)), workers == 1, scratch[at(worker)], *part);
      tree.add(k, std::move(part));
    });
    write(tree.root(), columns, s, out);
  }
}

}  // namespace

template <class T>
void second_moments(const Stack<T>& data, int threads, const MomentsOut& to) {
  require(data.rows >= 1, "X must have at least one row, got ", data.rows);
  require(data.systems >= 0 && data.features >= 0, "X must have no negative dimension, got ", data.systems,
          " systems of ", data.features, " features");
  const Index columns = data.features + 1, square = columns * columns;
  const Chunks chunks = chunks_of(data.rows, columns);

  Results out{to, std::vector<char>(at(data.systems))};
  if (!data.weights && are_small(data.rows, columns)) {
    lane_by_lane(data, threads, out);
  } else if (chunks.number() == 1 || (chunks.number() < 8 && data.systems >= 8)) {
    side_by_side(data, chunks, threads, out);
  } else {
    one_by_one(data, chunks, threads, out);
  }
  for (Index s = 0; s < data.systems; ++s) {
    if (out.suspicious[at(s)]) [[unlikely]]
      diagnose(data, s, to.mean + s * columns, to.scatter + s * square);
  }
}

template void second_moments(const Stack<double>&, int, const MomentsOut&);
template void second_moments(const Stack<float>&, int, const MomentsOut&);

}  // namespace pyrometer::data
