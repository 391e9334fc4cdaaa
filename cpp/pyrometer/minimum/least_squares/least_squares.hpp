// The minimum of the squared-error energy, plain or ridge, from second moments or from rows.
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
/// means cost no digits.
///
/// Columns that depend on others within the rounding of the moments (constant, duplicated, more than rows) get
/// coefficient 0. What the moments cannot decide shows in relative_error and gap: both contain the part of the target
/// that columns taken for dependent could still explain.
///
/// relative_error  noise ((sum_j |theta_j| s_j + s_y)^2 + ...) / value, s the root diagonals: first order in the
/// rounding
///                 of the moments, with its worst signs; the true error is usually 10 to 1000 times smaller.
///
/// Throws std::invalid_argument for sizes that do not fit, moments that are not finite, a negative diagonal or l2.
///
/// Reproducible: a system is one thread's work; the bits do not depend on `threads` or on its neighbours in the stack.
/// Cost: p^3 / 3 + O(p^2) flops and p^2 doubles of scratch a system and thread. Call without the GIL.
void least_squares(const Moments& data, const Penalty& l2, int threads, const Minima& out);

/// Minimises the same energy from the rows themselves, by orthogonal transformations: loses digits with the condition
/// of the columns, not with its square, and decides the rank at the rounding of the columns instead of that of their
/// moments.
///
/// X     s x m x p, row-major, finite; float is widened.
/// y     s x m, finite.
/// mean  s x (p+1), as of Moments.
/// scatter  s x (p+1) x (p+1), as of Moments, or nullptr. If given, and the intercept is free, systems whose scaled
/// columns
///       have a condition below 1e5 are factored by Cholesky instead of the QR: residuals of the rows mend what the
///       moments had lost, and a step leaves about roundoff * condition^2 of an error.
///
/// Columns centred (when the intercept is free), QR of fixed chunks of rows, triangles merged in order, penalty's rows
/// added, then a column-pivoted QR of what is left: a column is dependent if what is left of it is below its rounding
/// and that of what it is made of. Then the energy, its residuals and gradient are evaluated at the parameters in twice
/// the working precision and the parameters refined until the gradient stops falling. `value` is that energy, so it is
/// exact for `parameters` to rounding; `gap` is the gradient's certificate g' H^-1 g. Where the value has settled, the
/// parameters take one step more.
///
/// Reproducible: chunks depend on m and p only and are merged in order.
/// Cost: about 3 m n^2 + 40 m n flops for each evaluation (2 to 4), chunks x n^2 doubles. Call without the GIL.
template <class T>
void least_squares_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, const double* scatter,
                        bool intercept, const Penalty& l2, int threads, const Minima& out);

}  // namespace pyrometer::minimum
