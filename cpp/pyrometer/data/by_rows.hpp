// Rows of a matrix that is stored by columns.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// out[i * columns + j] = X[j * stride + i]   for i < rows and j < columns.
///
/// X        column j at X + j * stride; as many rows behind these are prefetched.
/// out      rows * columns numbers, which should fit a cache.
///
/// Serial. Cost: no flops; every number is read once, in whole cache lines, and written once.
template <class T>
void by_rows(const T* X, Index stride, Index rows, Index columns, T* out);

extern template void by_rows(const double*, Index, Index, Index, double*);
extern template void by_rows(const float*, Index, Index, Index, float*);

}  // namespace pyrometer::data
