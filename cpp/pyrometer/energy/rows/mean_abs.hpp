// Means of the absolute values of columns.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

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
