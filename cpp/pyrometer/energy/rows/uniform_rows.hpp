// Mean energies of linear models under laws of any families, one exact cosine series for each row.
#pragma once

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/rows/row_loss.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {

/// Averages over rows, for every system and law, with R_i = sum_j theta_j x_ij (the constant feature last, if any):
///
///     norm           E |R_i|                the limit of both energies below for large scales
///     absolute       E |y_i - R_i|
///     cross_entropy  E ln(1 + e^{R_i}) = E |R_i + G| / 2, G a standard logistic variable; independent of the labels
///
///     E |R - y| = P/2 - (4 P / pi^2) sum_{k odd} cos(k pi y / P) phi_R(k pi / P) / k^2,    P >= |y| + support of R
///
/// X         systems x rows x features, finite.
/// y         systems x rows, finite; read for RowLoss::absolute, and for cross entropy with constants; else may be
///           null.
/// law       laws x n, n = features + intercept, scales finite, not negative unless constant; see model::LawBatch.
///           Constant parameters c shift the targets, y - c . x, and the argument of cross entropy, R + c . x, of which
///           the mean then has -y c . x as well, with the labels y.
/// mean      systems x laws, out.
/// bound     systems x laws, out: bound of the absolute error of mean. Truncation errors (the tail of R, the tail of
///           the series) are bounded rigorously, each by 5e-14 of the row's energy; rounding errors by counting
///           operations, with actual errors about ten times smaller. Typically 1e-13 of the energy at 10 features,
///           1e-11 at 1000.
/// slope     systems x laws, out, or null: derivative of mean along the common logarithm of the scales. Rows of cross
///           entropy with |R| <= 0.1 have it to the last digits, from moments of R.
/// slope_bound  systems x laws, out, null with slope: bound of its absolute error, about 1e-12 of the energy for other
///           rows: the bound of the value times the number of terms (observed errors are about 1e-14 of the energy).
/// weights   systems x rows, finite, > 0, or null: factors of the terms, which sum to `rows` for a weighted mean.
///
/// For a row in which few features dominate the series is long: the largest uniform variables are then integrated in
/// closed form (vertex_tree.hpp), truncated ones by quadrature (bounded_sum.hpp). Truncated variables have their own
/// transform in the place of sin u / u, a sum of 3 to 32 cosines (truncated_shape.hpp).
///
/// Throws std::invalid_argument, naming the cell, for a value of X or y that is not finite, and where an energy
/// overflows.
///
/// Reproducible: fixed chunks of rows, merged in order; the same bits for every `threads`.
///
/// Cost for each row and law: 4 n t flops, where t, the number of terms, is about 12 for many similar features and y =
/// 0, 25 at |y| = 8 deviations, 60 at 8 equal features, 384 at most, and 50 for cross entropy with R below 1. One
/// thread with AVX-512 needs about 280 ns at n = 20, 370 ns at 100, 4.5 us at 1000. Rows computed by the tree take
/// 0.2 us at n = 1, 0.6 us at 3, 1 to 3 us from 4 to 6, and up to 80 us in the worst cases observed. X is read once for
/// all laws; scratch of 100 n bytes. Truncated normal parameters: three times as much (1 us at n = 20, 2.4 us at 100),
/// 30 us at n = 2, 100 us at 3, and up to 30 ms in the worst cases observed, of scales that differ by 1e2 to 1e6.
template <class T>
void uniform_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                  const model::LawBatch& law, int threads, double* mean, double* bound, double* slope,
                  double* slope_bound, const double* weights = nullptr);

}  // namespace pyrometer::energy
