#include "pyrometer/data/second_moments.hpp"

#include <algorithm>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/data/complain.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {
namespace {

using base::aligned_array;
using base::AlignedArray;
using base::Chunks;

// Rows whose mean a chunk's deviations are taken from.
constexpr Index kShiftRows = 128;

// Enough chunks for many threads, each long enough for its (p + 1)^2 of results and short enough for the shift.
Chunks chunks_of(Index rows, Index columns) {
  const Index size = std::max({Index{1024}, 4 * columns, std::min((rows + 127) / 128, Index{16384})});
  return {rows, (size + kBlock - 1) / kBlock * kBlock};
}

// The moments of one chunk: `ld` means and the upper triangle of an ld x ld scatter, ld = padded(columns).
struct Part {
  double* mean;
  double* scatter;
};

// What one worker needs besides its results.
struct Scratch {
  explicit Scratch(Index ld)
      : deviations(aligned_array<double>(kBlock * ld)),
        shift(aligned_array<double>(ld)),
        sums(aligned_array<double>(ld)),
        mean(aligned_array<double>(2 * ld)),
        scatter(aligned_array<double>(2 * ld * ld)) {}

  AlignedArray<double> deviations, shift, sums, mean, scatter;

  // Two parts for those who merge as they go.
  [[nodiscard]] Part part(Index which, Index ld) const {
    return {mean.get() + which * ld, scatter.get() + which * ld * ld};
  }
};

template <class T>
void first_row(const Rows<T>& rows, Index ld, double* shift) {
  std::fill(shift, shift + ld, 0.0);
  for (Index j = 0; j < rows.features; ++j) shift[j] = static_cast<double>(rows.X[j]);
  shift[rows.features] = static_cast<double>(rows.y[0]);
}

template <class T>
void chunk_moments(const Rows<T>& rows, const Scratch& scratch, Part part) {
  const Index columns = rows.features + 1, ld = padded(columns), m = rows.rows;
  double *shift = scratch.shift.get(), *sums = scratch.sums.get(), *d = scratch.deviations.get();

  // Through the first row, so that a constant column has its own value for a shift, and deviations of exactly 0.
  first_row(rows, ld, shift);
  const Index few = std::min(m, kShiftRows);
  pack(rows.from(0, few), shift, d, sums);
  for (Index j = 0; j < ld; ++j) shift[j] += sums[j] / static_cast<double>(few);

  double* total = part.mean;
  std::fill(total, total + ld, 0.0);
  std::fill(part.scatter, part.scatter + ld * ld, 0.0);
  for (Index begin = 0; begin < m; begin += kBlock) {
    const Index end = std::min(begin + kBlock, m), next = std::min(end + kBlock, m);
    pack(rows.from(begin, end), shift, d, sums);
    for (Index j = 0; j < ld; ++j) total[j] += sums[j];
    add_products(d, end - begin, columns, part.scatter, rows.X + end * rows.features,
                 (next - end) * rows.features * static_cast<Index>(sizeof(T)));
  }

  // The rows' mean is shift + off. total, no longer needed, becomes the mean.
  double* off = sums;
  const double n = static_cast<double>(m);
  for (Index j = 0; j < ld; ++j) {
    off[j] = total[j] / n;
    part.mean[j] = shift[j] + off[j];
  }
  for (Index i = 0; i < columns; ++i) {
    double* row = part.scatter + i * ld;
    for (Index j = i; j < columns; ++j) row[j] -= n * (off[i] * off[j]);
  }
}

// What Chan's formula needs of two parts, found from their means: delta, which replaces the mean of `part`, and its weight.
double merge_means(Index count, double* mean, Index part_count, double* part_mean, Index columns) {
  const double here = static_cast<double>(count), there = static_cast<double>(part_count), all = here + there;
  for (Index j = 0; j < columns; ++j) {
    const double delta = part_mean[j] - mean[j];
    mean[j] += delta * (there / all);
    part_mean[j] = delta;
  }
  return here * (there / all);
}

// Rows [begin, end) of the rest of Chan's formula.
void merge_scatter(double* scatter, Part part, double weight, Index columns, Index begin, Index end) {
  const Index ld = padded(columns);
  for (Index i = begin; i < end; ++i) {
    double* row = scatter + i * ld;
    const double* other = part.scatter + i * ld;
    const double delta = part.mean[i];
    for (Index j = i; j < columns; ++j) row[j] += other[j] + weight * (delta * part.mean[j]);
  }
}

// Rows [begin, end) of the upper triangle, and the columns that mirror them.
void unpad(const double* padded_scatter, Index columns, Index begin, Index end, double* scatter) {
  const Index ld = padded(columns);
  for (Index i = begin; i < end; ++i) {
    for (Index j = i; j < columns; ++j) {
      scatter[i * columns + j] = scatter[j * columns + i] = padded_scatter[i * ld + j];
    }
  }
}

template <class T>
Rows<T> rows_of(const Stack<T>& data, Index system) {
  const Index size = data.rows * data.features;
  return {data.X + system * size, data.y + system * data.rows, data.rows, data.features, (data.systems - system) * size};
}

// One system by one worker, chunk after chunk.
template <class T>
void serial(const Rows<T>& rows, Chunks chunks, const Scratch& scratch, double* mean, double* scatter) {
  const Index columns = rows.features + 1, ld = padded(columns);
  const Part total = scratch.part(0, ld), part = scratch.part(1, ld);
  chunk_moments(rows.from(0, chunks.end(0)), scratch, total);
  for (Index k = 1; k < chunks.number(); ++k) {
    const Index begin = chunks.begin(k), end = chunks.end(k);
    chunk_moments(rows.from(begin, end), scratch, part);
    const double weight = merge_means(begin, total.mean, end - begin, part.mean, columns);
    merge_scatter(total.scatter, part, weight, columns, 0, columns);
  }
  std::copy(total.mean, total.mean + columns, mean);
  unpad(total.scatter, columns, 0, columns, scatter);
}

// One system by all workers: chunks side by side, then the rows of the merged scatter side by side.
template <class T>
void parallel(const Rows<T>& rows, Chunks chunks, const std::vector<Scratch>& scratch, int threads, double* mean,
              double* scatter) {
  const Index columns = rows.features + 1, ld = padded(columns), number = chunks.number();
  const auto means = aligned_array<double>(number * ld), scatters = aligned_array<double>(number * ld * ld);
  const auto part = [&](Index k) { return Part{means.get() + k * ld, scatters.get() + k * ld * ld}; };
  base::for_each_chunk(number, threads, [&](Index k, int worker) {
    chunk_moments(rows.from(chunks.begin(k), chunks.end(k)), scratch[static_cast<std::size_t>(worker)], part(k));
  });

  std::vector<double> weights(static_cast<std::size_t>(number));
  for (Index k = 1; k < number; ++k) {
    weights[static_cast<std::size_t>(k)] =
        merge_means(chunks.begin(k), part(0).mean, chunks.end(k) - chunks.begin(k), part(k).mean, columns);
  }
  std::copy(part(0).mean, part(0).mean + columns, mean);
  const Chunks slices{columns, std::max(Index{base::kLanes<double>}, (columns + 63) / 64)};
  base::for_each_chunk(slices.number(), columns * number < 4096 ? 1 : threads, [&](Index slice, int) {
    const Index begin = slices.begin(slice), end = slices.end(slice);
    for (Index k = 1; k < number; ++k) {
      merge_scatter(part(0).scatter, part(k), weights[static_cast<std::size_t>(k)], columns, begin, end);
    }
    unpad(part(0).scatter, columns, begin, end, scatter);
  });
}

std::vector<Scratch> scratches(int workers, Index ld) {
  std::vector<Scratch> all;
  for (int worker = 0; worker < workers; ++worker) all.emplace_back(ld);
  return all;
}

}  // namespace

template <class T>
void second_moments(const Stack<T>& data, int threads, double* mean, double* scatter) {
  require(data.rows >= 1, "X must have at least one row, got ", data.rows);
  require(data.systems >= 0 && data.features >= 0, "X must have no negative dimension, got ", data.systems, " systems of ",
          data.features, " features");
  const Index columns = data.features + 1, square = columns * columns;
  const Chunks chunks = chunks_of(data.rows, columns);

  if (chunks.number() == 1 || (chunks.number() < 8 && data.systems >= 8)) {
    // Small systems: each by one worker, many to a chunk.
    const Chunks groups{data.systems, std::max(Index{1}, 65536 / (data.rows * columns))};
    const auto scratch = scratches(base::worker_count(groups.number(), threads), padded(columns));
    base::for_each_chunk(groups.number(), threads, [&](Index group, int worker) {
      for (Index s = groups.begin(group); s < groups.end(group); ++s) {
        serial(rows_of(data, s), chunks, scratch[static_cast<std::size_t>(worker)], mean + s * columns,
               scatter + s * square);
      }
    });
  } else {
    const auto scratch = scratches(base::worker_count(chunks.number(), threads), padded(columns));
    for (Index s = 0; s < data.systems; ++s) {
      parallel(rows_of(data, s), chunks, scratch, threads, mean + s * columns, scatter + s * square);
    }
  }
  for (Index s = 0; s < data.systems; ++s) {
    if (suspicious(columns, mean + s * columns, scatter + s * square)) [[unlikely]]
      complain(data, s, mean + s * columns, scatter + s * square);
  }
}

template void second_moments(const Stack<double>&, int, double*, double*);
template void second_moments(const Stack<float>&, int, double*, double*);

}  // namespace pyrometer::data
