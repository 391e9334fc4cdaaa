#include "pyrometer/data/outer.hpp"

#include <algorithm>

#include "pyrometer/base/four.hpp"

namespace pyrometer::data {
namespace {

using base::Four;
using base::load_four;
using base::store_four;
typedef std::int64_t FourBits __attribute__((vector_size(sizeof(Four))));
constexpr Index kFours = kOuterRow / kOuterLanes, kLast = kOuterRow - kOuterLanes;

// Rows between the one that is packed and the one that is used: stores are done when their numbers are read.
constexpr Index kLag = 4, kRing = 2 * kLag, kRingStride = 16;
// Numbers between the row that is packed and what is prefetched: more than a page, where hardware prefetching ends.
constexpr Index kAhead = 640;

// The last vector of a row: features, then the target, then 1.
struct Last {
  FourBits feature{}, target{};
  Four centre{};

  Last(Index features, const double* shift) {
    for (Index lane = 0; lane < features; ++lane) {
      feature[lane] = -1;
      centre[lane] = shift[lane];
    }
    target[features] = -1;
    centre[features] = shift[features];
    centre[features + 1] = -1;
  }
  [[gnu::always_inline]] void deviations(Four& v, double y) const {
    v = (target ? Four{y, y, y, y} : feature ? v : Four{}) - centre;
  }
};

// Reads up to kOuterLanes - 1 numbers behind the last row.
template <class T>
void add_rows(const Rows<T>& rows, const double* shift, double* sums) {
  const Index p = rows.features, m = rows.rows;
  const Last last(p - kLast, shift + kLast);
  Four centre[kFours - 1];
  for (Index n = 0; n < kFours - 1; ++n) load_four(shift + n * kOuterLanes, centre[n]);
  alignas(64) double ring[kRing * kRingStride];
  const auto slot = [&](Index k) { return ring + k % kRing * kRingStride; };
  // Behind the last row, that is packed again.
  const auto pack_row = [&](Index k) {
    double* const to = slot(k);
    k = std::min(k, m - 1);
    const T* const x = rows.X + k * p;
    Four v;
#pragma GCC unroll 4
    for (Index n = 0; n < kFours - 1; ++n) {
      load_four(x + n * kOuterLanes, v);
      store_four(to + n * kOuterLanes, v - centre[n]);
    }
    load_four(x + kLast, v);
    last.deviations(v, static_cast<double>(rows.y[k]));
    store_four(to + kLast, v);
    __builtin_prefetch(x + kAhead, 0, 3);
  };
  for (Index k = 0; k < kLag; ++k) pack_row(k);

  // Calls use(i, n) for number i, of which the last is not needed, and vector n.
  const auto for_each_product = [](auto use) {
#pragma GCC unroll 16
    for (Index i = 0; i < kOuterRow - 1; ++i)
#pragma GCC unroll 4
      for (Index n = i / kOuterLanes; n < kFours; ++n) use(i, n);
  };
  for (Index begin = 0; begin < m; begin += kOuterRun, sums += kOuterMatrix) {
    Four product[kOuterRow][kFours] = {};
    for (Index k = begin; k < std::min(begin + kOuterRun, m); ++k) {
      pack_row(k + kLag);
      const double* const row = slot(k);
      Four right[kFours];
#pragma GCC unroll 4
      for (Index n = 0; n < kFours; ++n) load_four(row + n * kOuterLanes, right[n]);
      for_each_product([&](Index i, Index n) { product[i][n] += row[i] * right[n]; });
    }
    for_each_product([&](Index i, Index n) {
      double* const to = sums + i * kOuterRow + n * kOuterLanes;
      Four old;
      load_four(to, old);
      store_four(to, old + product[i][n]);
    });
  }
}

}  // namespace

template <class T>
void add_outer(const Rows<T>& rows, const double* shift, double* sums) {
  if constexpr (base::kVectorBytes == 64) {
    const Index numbers = rows.rows * rows.features;
    if (numbers + kOuterLanes <= rows.readable) return add_rows(rows, shift, sums);
    T copy[kBlock * kOuterRow];
    std::fill_n(std::copy_n(rows.X, numbers, copy), kOuterLanes, T{});
    add_rows<T>({copy, rows.y, rows.rows, rows.features, numbers + kOuterLanes}, shift, sums);
  }
}

void finish_outer(Index rows, Index columns, const double* sums, double* off, double* c) {
  double total[kOuterMatrix] = {};
  for (Index from = 0; from < outer_sums(rows); from += kOuterMatrix)
    for (Index k = 0; k < kOuterMatrix; ++k) total[k] += sums[from + k];
  for (Index i = 0; i < columns; ++i) {
    off[i] += total[i * kOuterRow + columns];
    for (Index j = i; j < columns; ++j) c[i * padded(columns) + j] = total[i * kOuterRow + j];
  }
}

template void add_outer(const Rows<double>&, const double*, double*);
template void add_outer(const Rows<float>&, const double*, double*);

}  // namespace pyrometer::data
