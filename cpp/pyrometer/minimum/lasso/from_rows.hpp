// The lasso from rows, for systems whose second moments are not accurate enough.
#pragma once

#include <span>

#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// Computes what lasso() computes from second moments, by orthogonal transformations of the rows.
///
/// X, y      systems * m x p and systems * m, finite.
/// mean      systems x (p + 1): of the columns and the target, to rounding.
/// weights   k of them, each > 0; `out` has k slots for each system.
/// out       in: finite starting parameters, best close to the solution.
///
/// row_weights  systems x m, > 0, those of a system of sum m; or nullptr, all 1. X' and means are then weighted.
///
/// Of one weight: with R'R = X'X (columns centred for a free intercept, and with the constant column where it is
/// penalised) and the gradient c_j = mean_i x_ij r_i of the rows at theta, in double-double precision,
///
///     E(theta + d) - E(theta) = |R d|^2 / m - 2 c . d + l1 sum_j (|theta_j + d_j| - |theta_j|)
///
/// is minimised over d by an active-set method: the best d for the current signs by a pivoted QR of the active columns
/// of R, up to the first change of sign; then the worst violator of the optimality conditions enters. theta + d,
/// rounded, is the next theta. When d is at rounding level, the duality gap at theta + d, with the gradient c - R'R d /
/// m, is the certificate.
///
/// gap             that duality gap and E(theta) - E(theta + d).
/// relative_error, rank, condition  as of lasso().
/// parameter_error  finite if the signs of the minimiser are certain; infinity otherwise.
///
/// Throws std::invalid_argument for sizes that do not fit and numbers that are not finite.
///
/// Reproducible: the same bits for any `threads`. Interruptible.
/// Cost: 2.3 n^2 flops a row for R, 40 flops an element for each of about 3 gradients; 2 n a^2 flops for each change of
/// an active set of a columns.
template <class T>
void lasso_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, bool intercept,
                std::span<const double> weights, bool on_intercept, int threads, const Minima& out,
                const double* row_weights = nullptr);

extern template void lasso_rows(BasicMatrix<double>, const double*, Index, const double*, bool, std::span<const double>,
                                bool, int, const Minima&, const double*);
extern template void lasso_rows(BasicMatrix<float>, const float*, Index, const double*, bool, std::span<const double>,
                                bool, int, const Minima&, const double*);

}  // namespace pyrometer::minimum
