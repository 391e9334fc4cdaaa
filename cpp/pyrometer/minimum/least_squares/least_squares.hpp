// The minimum of the squared-error energy, without penalty or with a ridge penalty, from second moments or from rows.
#pragma once

#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// Minimises, for every system of a stack, from its second moments
///
///     E(theta) = mean_i (y_i - x_i . theta - theta_0)^2 + l2 (sum_j theta_j^2 + [on_intercept] theta_0^2)
///              = t' (S/m + w mu mu') t + l2 sum_j theta_j^2   at the best theta_0 = (ybar - xbar . theta) / (1 + l2),
///
/// t = (theta, -1), S the scatter, mu the means; w = 1 without intercept, 0 with a free one, l2 / (1 + l2) with a
/// penalised one. The centred part is factored (pivoted Cholesky); the mean enters as one more whitened row, so large
/// means cause no loss of accuracy.
///
/// Columns that are linearly dependent within the rounding error of the moments (constant, duplicated, more than rows)
/// get coefficient 0, before the minimum-norm correction. relative_error and gap include the part of the target's
/// variance that columns taken for dependent might explain.
///
/// relative_error  noise ((sum_j |theta_j| s_j + s_y)^2 + ...) / value, with the root diagonals s: first order in the
///                 rounding errors of the moments, with the worst signs; actual errors are usually 10 to 1000 times
///                 smaller.
///
/// Throws std::invalid_argument for sizes that do not fit, moments that are not finite, a negative diagonal or l2.
///
/// Reproducible: each system is computed by one thread; the bits depend neither on `threads` nor on other systems.
/// Cost: p^3 / 3 + O(p^2) flops and p^2 doubles of scratch for each system and thread. Call without the GIL.
void least_squares(const Moments& data, const Penalty& l2, int threads, const Minima& out);

/// Ranks of the centred columns of every system, as least_squares() finds them. Cost: p^3 / 3 flops each.
void ranks(const Moments& data, int threads, std::span<Index> out);

/// Minimises the same energy from the rows, by orthogonal transformations: errors grow with the condition number of the
/// columns, not with its square, and the rank is determined at the rounding level of the columns instead of that of
/// their moments.
///
/// X     s x m x p, row-major, finite; float is widened.
/// y     s x m, finite.
/// mean  s x (p+1), as of Moments.
/// scatter  s x (p+1) x (p+1), as of Moments, or nullptr. If given, and the intercept is free, systems with a condition
///       number of the scaled columns below 1e5 are factored by Cholesky instead of QR; iterative refinement with
///       residuals of the rows reduces the error by roundoff * condition^2 a step.
///
/// weights  s x m, > 0, those of a system of sum m; or nullptr, all 1. Terms of the energy are multiplied by them.
///
/// Columns are centred (if the intercept is free); QR factorisations of fixed chunks of rows are merged in order, with
/// the rows of the penalty, and followed by a column-pivoted QR: a column is dependent if its remainder is at rounding
/// level. Then energy, residuals and gradient are evaluated at the parameters in double-double precision and the
/// parameters refined until the gradient stops decreasing. `value` is that energy, exact for `parameters` up to
/// rounding; `gap` is g' H^-1 g of the gradient, and `relative_error` includes what parameters that are as good but for
/// the rounding of dependences would change. After the value has converged, the parameters are refined once more.
///
/// Reproducible: chunks depend on m and p only and are merged in order.
/// Cost: about 3 m n^2 + 40 m n flops for each evaluation (2 to 4), chunks x n^2 doubles. Call without the GIL.
template <class T>
void least_squares_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, const double* scatter,
                        bool intercept, const Penalty& l2, int threads, const Minima& out,
                        const double* weights = nullptr);

}  // namespace pyrometer::minimum
