// Second moments of rows that fit into one vector, without packing.
#pragma once

#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/pack.hpp"

namespace pyrometer::data {

/// The largest number of features; the target is separate.
inline constexpr int kNarrow = base::kLanes<double>;

/// c(i, j) += sum_k d(k, i) d(k, j) for i <= j <= p, off(j) += sum_k d(k, j),   with d = z - shift.
/// z = (features, target) widened to double.
///
/// rows     at most kBlock of them, of at most kNarrow features.
/// shift    padded(p + 1) numbers, zero in the padding.
/// off      p + 1 numbers.
/// c        row-major, rows of padded(p + 1).
/// ahead    as many following rows to prefetch.
///
/// Reads no element of X beyond `readable`. Serial. Each vector is multiplied by its rotations: that by r gives the
/// products of lanes i and i + r, and half of the rotations give all. Cost: kLanes / 2 + 2 fused products and kLanes /
/// 2 rotations a row, and reading it.
template <class T>
void add_narrow(const Rows<T>& rows, const double* shift, double* off, double* c, const T* ahead);

/// shift(j) += the mean of z(k, j) - shift(j); arguments as those of add_narrow(). One subtraction and addition a row.
template <class T>
void add_mean(const Rows<T>& rows, double* shift);

extern template void add_mean(const Rows<double>&, double*);
extern template void add_mean(const Rows<float>&, double*);
extern template void add_narrow(const Rows<double>&, const double*, double*, double*, const double*);
extern template void add_narrow(const Rows<float>&, const double*, double*, double*, const float*);

}  // namespace pyrometer::data
