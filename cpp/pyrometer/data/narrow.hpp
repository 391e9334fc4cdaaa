// Moments of rows that fit into one vector: no panels, the rows go from memory into the sums.
#pragma once

#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/pack.hpp"

namespace pyrometer::data {

/// Features that a row may have here; the target is no lane of it.
inline constexpr int kNarrow = base::kLanes<double>;

/// c(i, j) += sum_k d(k, i) d(k, j) for i <= j <= p, off(j) += sum_k d(k, j),   with d = z - shift.
/// z = (features, target) widened to double.
///
/// rows     at most kBlock of them, of at most kNarrow features.
/// shift    padded(p + 1) numbers, zero in the padding.
/// off      p + 1 numbers.
/// c        row-major, rows of padded(p + 1).
/// ahead    as many rows that will be read next; they are brought into the cache meanwhile.
///
/// Reads no element of X beyond `readable`. Serial. A vector meets its rotations: the one by r makes the products of
/// lanes i and i + r, and half of the rotations make all. Cost: kLanes / 2 + 2 fused products and kLanes / 2 rotations
/// a row, and reading it.
template <class T>
void add_narrow(const Rows<T>& rows, const double* shift, double* off, double* c, const T* ahead);

extern template void add_narrow(const Rows<double>&, const double*, double*, double*, const double*);
extern template void add_narrow(const Rows<float>&, const double*, double*, double*, const float*);

}  // namespace pyrometer::data
