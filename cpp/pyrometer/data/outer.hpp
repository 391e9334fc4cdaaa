// Second moments of a few columns of many rows: sums of the outer product of each row with itself, in registers.
#pragma once

#include <algorithm>

#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {

/// A row is three vectors of four numbers: the features, the target, 1, and zeros.
inline constexpr Index kOuterLanes = 4, kOuterRow = 3 * kOuterLanes;

/// Whether rows of so many columns, the target included, are such, and the sums fit the 32 registers of AVX-512.
[[nodiscard]] constexpr bool fits_outer(Index columns) {
  return base::kVectorBytes == 64 && columns > kOuterRow - kOuterLanes + 1 && columns < kOuterRow;
}

/// Rows whose products are summed in registers, because short sums have small errors. The sums are added to matrices
/// in turn: those of one block to the first kOuterHalf numbers, those of the next to the others.
inline constexpr Index kOuterRun = 32, kOuterMatrix = kOuterRow * kOuterRow,
                       kOuterHalf = kBlock / kOuterRun * kOuterMatrix, kOuterSums = 2 * kOuterHalf;

/// How many of the kOuterSums numbers so many rows use.
[[nodiscard]] constexpr Index outer_sums(Index rows) {
  return std::min(kOuterSums, (rows + kOuterRun - 1) / kOuterRun * kOuterMatrix);
}

/// sums += the products of the columns of d = (z - shift, 1), z = (features, target) widened to double.
///
/// rows     at most kBlock of them, stored by rows; fits_outer(features + 1).
/// sums     kOuterHalf numbers, at first 0; only outer_sums(rows) are used.
///
/// Reads no element of X beyond `readable`. Serial. Each number of a row is multiplied by the vectors from its own on:
/// 23 fused products of four numbers a row, which bound the time; later rows are read, and their deviations stored,
/// meanwhile.
template <class T>
void add_outer(const Rows<T>& rows, const double* shift, double* sums);

/// off(j) += the sums of columns, c(i, j) = the sums of products, i <= j; rows of c have padded(columns) numbers.
void finish_outer(Index rows, Index columns, const double* sums, double* off, double* c);

extern template void add_outer(const Rows<double>&, const double*, double*);
extern template void add_outer(const Rows<float>&, const double*, double*);

}  // namespace pyrometer::data
