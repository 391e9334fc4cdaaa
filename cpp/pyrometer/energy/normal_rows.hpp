// Mean energies of linear models under normal laws, one closed form for each row.
#pragma once

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/row_loss.hpp"

namespace pyrometer::energy {

/// Averages a closed form over rows, for every system and law:
///
///     s_i(b)^2   = sum_j variance(b, j) x_ij^2     (plus variance(b, n-1) with an intercept)
///     mean(k, b) = (1/m) sum_i f(y_i, s_i(b)),    f = s_i, E |y_i - s_i Z| or E ln(1 + e^{s_i Z}) by `loss`
///
/// X         systems x rows x features, finite.
/// y         systems x rows; read for RowLoss::absolute only, else may be null.
/// variance  laws x n, n = features + intercept: variances of the parameters, the intercept's last.
/// mean      systems x laws, out.
/// slope     systems x laws, out, or null: (1/m) sum_i s_i df/ds, the derivative along the common logarithm of the
/// scales.
///
/// Throws std::invalid_argument, naming the cell, for a value of X or y that is not finite, and where s_i overflows.
///
/// Reproducible: fixed chunks of rows, summed in order; the same bits for every `threads`, and for a system and a law
/// the same bits in any company.
///
/// Cost for each row and law: 2 n flops, a square root and about 40 flops of the closed form (80 with slopes). One law
/// of 20 parameters takes twice the time of reading X. The squares of 64 rows are made and transposed once for 64 laws;
/// scratch of 500 n bytes a thread.
template <class T>
void normal_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                 Matrix variance, int threads, double* mean, double* slope);

}  // namespace pyrometer::energy
