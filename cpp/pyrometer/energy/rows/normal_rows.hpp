// Mean energies of linear models under normal laws, one closed form for each row.
#pragma once

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/rows/row_loss.hpp"

namespace pyrometer::energy {

/// Averages a closed form over rows, for every system and law:
///
///     s_i(b)^2   = sum_j scale(b, j)^2 x_ij^2     (plus scale(b, n-1)^2 with an intercept)
///     mean(k, b) = (1/m) sum_i f(y_i, s_i(b)),    f = s_i, E |y_i - s_i Z|, E ln(1 + e^{s_i Z}) or
///                                                    E ln sum_c e^{s_i Z_c}, c = 1 .. classes, by `loss`
///
/// X         systems x rows x features, finite; systems x features x rows if `by_columns`.
/// y         systems x rows; read for RowLoss::absolute only, else may be null.
/// scale     laws x n, n = features + intercept: standard deviations of the parameters, the intercept's last.
/// mean      systems x laws, out.
/// slope     systems x laws, out, or null: (1/m) sum_i s_i df/ds, the derivative along the common logarithm of
///           the scales.
/// weights   systems x rows, finite, or null: factors of f, which sum to `rows` for a weighted mean.
/// classes   read for RowLoss::softmax only.
///
/// Throws std::invalid_argument, naming the cell, for a value of X or y that is not finite, and where s_i overflows.
/// Squares may leave the range of a double: such rows, and all rows under a scale outside [1e-90, 1e90], are
/// summed with scaling, at 20 times the cost.
///
/// Reproducible: fixed chunks of rows, summed in order; the same bits for every `threads`, at every instruction-set
/// level, independent of other systems and laws, with or without slopes.
///
/// Cost for each row and law: 3 n flops, a square root and the closed form of expectation.hpp or log_sum_exp.hpp, as
/// much again for its slope. The absolute error under one law takes 1.8 times the time of reading X of 8 features, and
/// 1.4 times of 20 (AVX-512, one thread). Squares are computed once for all laws of a task, at most 64; scratch of 500
/// n bytes a thread.
template <class T>
void normal_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                 Matrix scale, int threads, double* mean, double* slope, const double* weights = nullptr,
                 Index classes = 2, bool by_columns = false);

}  // namespace pyrometer::energy
