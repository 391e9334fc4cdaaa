// Weighted sums of squares and absolute values of the rows of a matrix.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// Numbers that weighted_squares takes at a time, and to a multiple of which its weights are padded.
inline constexpr Index kRowLanes = 8;

/// out[i] = constant + sum_j weight[j] X(i, j)^2, for rows contiguous rows.
///
/// X       rows x features; nothing beyond is read.
/// weight  features numbers, then zeros up to a multiple of kRowLanes.
///
/// A value that is not finite makes its own row, and perhaps some of the seven before, infinite or NaN: the caller
/// looks. Rounding differs between instruction-set levels, not between calls. Reads X once: about 3 flops a number.
template <class T>
void weighted_squares(const T* X, Index rows, Index features, const double* weight, double constant, double* out);

/// The componentwise means (1/m) sum_i |x_ij| of (4.7) and (3.37), for every system.
///
/// X     systems x rows x features.
/// mean  systems x features, out.
///
/// Throws std::invalid_argument, naming the cell, for a value that is not finite, and where a mean overflows.
///
/// Reproducible: fixed chunks of rows, summed in order; the same bits for every `threads`. Reads X once.
template <class T>
void mean_abs(const T* X, Index systems, Index rows, Index features, int threads, double* mean);

}  // namespace pyrometer::energy
