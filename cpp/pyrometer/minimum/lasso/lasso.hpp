// The lasso: the minimum of the squared-error energy with an absolute-value penalty, from second moments.
#pragma once

#include <span>

#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// Minimises, for every system of a stack and every weight l1 of a path, from second moments
///
///     E(theta) = mean_i (y_i - x_i . theta - theta_0)^2 + l1 (sum_j |theta_j| + [on_intercept] |theta_0|)
///
/// by coordinate descent until the signs no longer change, then by feature-sign search, an active-set method (Newton
/// step for the current signs, exact line search over changes of sign, then all violators of the optimality conditions
/// enter), which terminates. The energy is evaluated as centred part + (mean of the residuals)^2, so large means cause
/// no loss of accuracy. Each weight starts from the solution for the next larger one; where coordinate descent does not
/// find the signs, as with more columns than rows, weights between the two lead there. l1 = 0 is least squares.
///
/// weights  k of them, in any order. `out` has k slots for each system, in this order: s x k, parameters s x k x n.
///
/// gap             the duality gap at theta for these moments: with c_j = mean_i x_ij r_i and the dual point s r,
///                 s = min(1, l1 / (2 max|c_j|)),
///                     gap = (1 - s)^2 mean r^2 + sum_j |theta_j| (l1 - 2 s c_j sign theta_j),
///                 a sum of terms that are not negative; and the second-order effect of the rounding of the moments.
///                 At or below 1e-12 value, unless the rounding of the moments is above that.
/// relative_error  as least_squares.
/// rank, condition  of the equicorrelation set, the columns with |c_j| = l1 / 2 up to rounding: the minimiser is unique
/// if
///                 they are linearly independent.
///
/// rows_follow  whether systems of too large a relative_error are computed again, from rows. Where the rounding of the
///              moments moves the energy by more than 1e-6 of it, the search ends at once, with the gap there.
///
/// Throws std::invalid_argument for sizes that do not fit, moments that are not finite, a negative diagonal or weight.
///
/// Reproducible: each system is computed by one thread. Interruptible.
/// Cost: p^2 doubles read; 2 p flops a changed coordinate, k^3 / 3 a step with k active columns.
void lasso(const Moments& data, std::span<const double> weights, bool on_intercept, int threads, const Minima& out,
           bool rows_follow = false);

}  // namespace pyrometer::minimum
