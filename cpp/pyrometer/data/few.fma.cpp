#include "pyrometer/data/few.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/base/four.hpp"
#include "pyrometer/base/transpose.hpp"

namespace pyrometer::data {
namespace {

constexpr Index kWide = base::kLanes<double>, kSide = kFewTile, kSquare = kSide * kSide * kWide;
using V = base::Vec<double>;
using base::Four;
using base::load_four;
using base::store_four;

// One column, of consecutive numbers.
template <class T>
[[gnu::always_inline]] inline void pack_column(const T* from, Index rows, double shift, double* d) {
  Index k = 0;
  for (; k + kWide <= rows; k += kWide) {
    V v;
    base::load(from + k, v);
    v -= shift;
    base::store<double>(d + k, v);
  }
  for (; k < rows; ++k) d[k] = static_cast<double>(from[k]) - shift;
}

// `columns` columns, at most 4, of rows k to k + 3, of which four numbers each are read.
template <class T>
[[gnu::always_inline]] inline void pack_square(const T* from, Index p, Index columns, const double* shift, double* d) {
  Four a[4];
  for (Index l = 0; l < 4; ++l) load_four(from + l * p, a[l]);
  base::transpose(a);
  for (Index l = 0; l < columns; ++l) store_four(d + l * kFewStride, a[l] - shift[l]);
}

template <class T>
[[gnu::always_inline]] inline void pack_rows(const Rows<T>& rows, const double* shift, double* d) {
  const Index p = rows.features;
  // Rows of which four numbers are there.
  const Index whole = p == 0 || rows.readable < 4 ? 0 : std::min(rows.rows, (rows.readable - 4) / p + 1);
  Index k = 0;
  for (; k + 4 <= whole; k += 4) {
    const T* from = rows.X + k * p;
    if (p < 4) pack_square(from, p, p, shift, d + k);
    for (Index j = 0; j + 4 <= p; j += 4) pack_square(from + j, p, 4, shift + j, d + j * kFewStride + k);
    if (p > 4 && p % 4 != 0) pack_square(from + p - 4, p, 4, shift + p - 4, d + (p - 4) * kFewStride + k);
  }
  for (; k < rows.rows; ++k)
    for (Index j = 0; j < p; ++j) d[j * kFewStride + k] = static_cast<double>(rows.X[k * p + j]) - shift[j];
}

// The products of one tile of columns with itself, and the sums of these, or with another.
template <bool kDiagonal>
void add_tile(const double* a, const double* b, Index depth, double* sums, double* products, base::Ahead first,
              base::Ahead second) {
  V product[kSide][kSide] = {}, sum[kSide] = {};
  for (Index k = 0; k < depth; k += kWide) {
    V left[kSide], right[kSide];
    first.fetch();
    second.fetch();
#pragma GCC unroll 4
    for (Index r = 0; r < kSide; ++r) {
      base::load(a + r * kFewStride + k, left[r]);
      if constexpr (kDiagonal)
        sum[r] += left[r];
      else
        base::load(b + r * kFewStride + k, right[r]);
    }
#pragma GCC unroll 4
    for (Index r = 0; r < kSide; ++r) {
#pragma GCC unroll 4
      for (Index n = kDiagonal ? r : 0; n < kSide; ++n) product[r][n] += left[r] * (kDiagonal ? left : right)[n];
    }
  }
  const auto add = [](const V& more, double* to) {
    V old;
    base::load(to, old);
    base::store<double>(to, old + more);
  };
#pragma GCC unroll 4
  for (Index r = 0; r < kSide; ++r) {
    if constexpr (kDiagonal) add(sum[r], sums + r * kWide);
#pragma GCC unroll 4
    for (Index n = kDiagonal ? r : 0; n < kSide; ++n) add(product[r][n], products + (r * kSide + n) * kWide);
  }
}

double sum_of_lanes(const double* lanes) {
  double sum = 0;
  for (Index lane = 0; lane < kWide; ++lane) sum += lanes[lane];
  return sum;
}

constexpr Index tile_count(Index columns) { return (columns + kSide - 1) / kSide; }

}  // namespace

template <class T>
void pack_few(const Rows<T>& rows, const double* shift, double* d) {
  const Index p = rows.features;
  if (rows.stride == 0 && p > 1)
    pack_rows(rows, shift, d);
  else
    for (Index j = 0; j < p; ++j) pack_column(rows.X + j * rows.stride, rows.rows, shift[j], d + j * kFewStride);
  pack_column(rows.y, rows.rows, shift[p], d + p * kFewStride);
  for (Index k = rows.rows; k % kWide != 0; ++k)
    for (Index j = 0; j <= p; ++j) d[j * kFewStride + k] = 0;
}

void weigh_few(const double* weights, Index depth, Index columns, double* d, double* off) {
  double root[kBlock];
  for (Index k = 0; k < depth; ++k) root[k] = std::sqrt(weights[k]);
  for (Index j = 0; j < columns; ++j, d += kFewStride) {
    double lanes[kWide];
    V sum{}, w, r, v;
    Index k = 0;
    for (; k + kWide <= depth; k += kWide) {
      base::load(weights + k, w);
      base::load(root + k, r);
      base::load(d + k, v);
      sum += w * v;
      base::store<double>(d + k, r * v);
    }
    base::store<double>(lanes, sum);
    for (; k < depth; ++k) {
      lanes[k % kWide] += weights[k] * d[k];
      d[k] *= root[k];
    }
    off[j] += sum_of_lanes(lanes);
  }
}

void add_few(const double* d, Index depth, Index columns, double* sums, const Following& next) {
  const Index number = tile_count(columns), size = kSide * kFewStride;
  const auto step = static_cast<std::uintptr_t>(next.bytes * kWide / kBlock);
  double* products = sums + number * kSide * kWide;
  const auto ahead = [&](Index piece) {
    return base::Ahead{reinterpret_cast<std::uintptr_t>(piece < columns - 1 ? next.X + piece * next.stride : next.y),
                       step};
  };
  Index piece = 0;
  for (Index i = 0; i < number; ++i) {
    add_tile<true>(d + i * size, nullptr, depth, sums + i * kSide * kWide, products, ahead(piece), ahead(piece + 1));
    products += kSquare;
    piece += 2;
    for (Index j = i + 1; j < number; ++j, products += kSquare, piece += 2)
      add_tile<false>(d + i * size, d + j * size, depth, nullptr, products, ahead(piece), ahead(piece + 1));
  }
}

void finish_few(Index columns, const double* sums, double* off, double* c) {
  const Index ld = padded(columns);
  for (Index j = 0; off != nullptr && j < columns; ++j) off[j] += sum_of_lanes(sums + j * kWide);
  for (Index i = 0; i < columns; ++i)
    for (Index j = i; j < columns; ++j) c[i * ld + j] = sum_of_lanes(sums + few_product(columns, i, j));
}

template void pack_few(const Rows<double>&, const double*, double*);
template void pack_few(const Rows<float>&, const double*, double*);

}  // namespace pyrometer::data
