// Packing of rows of features and targets into panels of deviations.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// Rows of one data set within an array that may continue beyond them.
template <class T>
struct Rows {
  const T* X;                       ///< row i at X + i * features, unless there is a stride
  const T* y;                       ///< target of row i
  Index rows;                       ///< at least 1
  Index features;                   ///< p >= 0
  Index readable;                   ///< elements of X that may be read, from X on, and targets of as many rows
  const double* weights = nullptr;  ///< weight of row i, > 0; null: all 1
  Index stride = 0;                 ///< if > 0, X is stored by columns, column j at X + j * stride

  [[nodiscard]] Rows from(Index begin, Index end) const {
    return {X + (stride > 0 ? begin : begin * features), y + begin, end - begin, features, readable - begin * features,
            weights ? weights + begin : nullptr,         stride};
  }
};

/// d(k, j) = z(k, j) - shift(j)   and   sums(j) = sum_k d(k, j),   with z = (features, target) widened to double.
///
/// rows     at most kBlock of them, stored by rows.
/// shift    padded(p + 1) numbers, zero in the padding.
/// d        panels as add_products() reads them, aligned to a vector; padding is filled with zeros.
/// sums     padded(p + 1) numbers, overwritten. Not finite if any z is not, or if a difference or a sum overflows.
///
/// Reads no element of X beyond `readable`. Serial. Cost: 2 flops and one store a number; memory bound.
template <class T>
void pack(const Rows<T>& rows, const double* shift, double* d, double* sums);

extern template void pack(const Rows<double>&, const double*, double*, double*);
extern template void pack(const Rows<float>&, const double*, double*, double*);

}  // namespace pyrometer::data
