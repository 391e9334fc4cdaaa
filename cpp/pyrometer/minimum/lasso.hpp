// The minimum of the squared-error energy with an absolute-value penalty.
#pragma once

#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// Minimises, for every system of a stack, from its second moments
///
///     E(theta) = mean_i (y_i - x_i . theta - theta_0)^2 + l1 (sum_j |theta_j| + [on_intercept] |theta_0|)
///
/// by coordinate descent until the signs settle, then by exact steps on the active set (feature-sign search: Newton's
/// step for the current signs, exact line search over the changes of sign, the worst violator added), which end. The
/// energy is evaluated as centred part + (mean of the residuals)^2, so large means cost no digits. l1 = 0 is least
/// squares.
///
/// gap             the duality gap at theta for these moments: with c_j = mean_i x_ij r_i and the dual point s r,
///                 s = min(1, l1 / (2 max|c_j|)),
///                     gap = (1 - s)^2 mean r^2 + sum_j |theta_j| (l1 - 2 s c_j sign theta_j),
///                 a sum of terms that are not negative; and the second-order effect of the rounding of the moments.
///                 At or below 1e-12 value, unless the rounding of the moments is above that.
/// relative_error  as least_squares.
///
/// Throws std::invalid_argument for sizes that do not fit, moments that are not finite, a negative diagonal or l1.
///
/// Reproducible: a system is one thread's work. Interruptible.
/// Cost: O(p) flops a changed coordinate, k^3 / 3 a step with k active columns, p^3 / 3 for rank and condition.
void lasso(const Moments& data, const Penalty& l1, int threads, const Minima& out);

}  // namespace pyrometer::minimum
