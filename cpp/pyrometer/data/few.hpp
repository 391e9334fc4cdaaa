// Second moments of a few columns, which are packed by columns: one vector is kLanes rows of a column.
#pragma once

#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {

/// The largest number of columns, the target included.
inline constexpr Index kFew = 16;

/// Columns of a tile of products: its sums and two columns stay in registers.
inline constexpr Index kFewTile = base::kVectorBytes == 64 ? 4 : 3;

/// The distance of columns: no multiple of 4096 bytes between any two.
inline constexpr Index kFewStride = kBlock + base::kLanes<double>;

/// Numbers of packed columns, and those of the sums of products.
inline constexpr Index kFewPacked = (kFew + kFewTile - 1) / kFewTile * kFewTile * kFewStride;
[[nodiscard]] constexpr Index few_sums(Index columns) {
  const Index tiles = (columns + kFewTile - 1) / kFewTile;
  return (tiles * kFewTile + tiles * (tiles + 1) / 2 * kFewTile * kFewTile) * base::kLanes<double>;
}

/// Where the sums of the lanes of the products of columns i <= j are.
[[nodiscard]] constexpr Index few_product(Index columns, Index i, Index j) {
  const Index tiles = (columns + kFewTile - 1) / kFewTile, top = i / kFewTile, left = j / kFewTile;
  const Index tile = top * tiles - top * (top - 1) / 2 + left - top;
  return (tiles * kFewTile + (tile * kFewTile + i % kFewTile) * kFewTile + j % kFewTile) * base::kLanes<double>;
}

/// The next kBlock rows, as pieces of `bytes` bytes: one for each feature, `stride` bytes apart, and one for the
/// target.
struct Following {
  const char* X;
  Index stride, bytes;
  const char* y;

  template <class T>
  explicit Following(const Rows<T>& rows)
      : X(reinterpret_cast<const char*>(rows.X) + kBlock * size<T>(rows.stride > 0 ? 1 : rows.features)),
        stride(size<T>(rows.stride > 0 ? rows.stride : kBlock)),
        bytes(size<T>(kBlock)),
        y(reinterpret_cast<const char*>(rows.y) + bytes) {}
  Following(const char* features, Index apart, const char* target, Index number)
      : X(features), stride(apart), bytes(kBlock * number), y(target) {}

 private:
  template <class T>
  static Index size(Index numbers) {
    return numbers * static_cast<Index>(sizeof(T));
  }
};

/// d(j, k) = z(k, j) - shift(j)   with z = (features, target) widened to double; 0 for rows that fill the last vector.
///
/// rows     at most kBlock of them, of fewer than kFew features, stored by rows or by columns.
/// d        column j at d + j * kFewStride. Columns beyond the last must be 0, and stay so.
///
/// Serial. Cost: one flop and one store a number, and half a shuffle where rows are stored by rows.
template <class T>
void pack_few(const Rows<T>& rows, const double* shift, double* d);

/// Multiplies by the square roots of the weights, after off(j) += sum_k w(k) d(j, k).
void weigh_few(const double* weights, Index depth, Index columns, double* d, double* off);

/// sums += sum_k d(k)   and   sum_k d(i, k) d(j, k), i <= j, lane by lane; few_sums(columns) numbers, at first 0.
///
/// next     rows to prefetch, all of them if there are 8 columns or more.
///
/// Serial. Cost: depth * columns^2 flops, more by the half of a tile for each of its columns, bound by arithmetic.
void add_few(const double* d, Index depth, Index columns, double* sums, const Following& next);

/// off(j) += the sums of columns, unless off is null;   c(i, j) = the sums of products, i <= j; rows of c have
/// padded(columns) numbers.
void finish_few(Index columns, const double* sums, double* off, double* c);

extern template void pack_few(const Rows<double>&, const double*, double*);
extern template void pack_few(const Rows<float>&, const double*, double*);

}  // namespace pyrometer::data
