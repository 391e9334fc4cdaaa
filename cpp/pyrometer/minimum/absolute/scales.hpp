// Scales: typical residuals, starting points, and coordinates in which errors of predictions are isotropic.
#pragma once

#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

/// The approximate least squares solution of whitened rows, where sum z z' is about m times the identity: mean z y.
/// 2 m n flops.
[[nodiscard]] Vec least_squares_start(const Rows& rows);

/// A robust scale of the residuals, from a sample of 256 rows: their median; a higher quantile where half of the rows
/// fit exactly; a hundredth of the mean where most do.
[[nodiscard]] double typical(const Rows& rows, const Vec& phi);

/// The change of coordinates by a Cholesky factor L (lower triangle packed by rows): rows become L^{-1} z (n^2 flops
/// each), coefficients L' phi; and back.
[[nodiscard]] Rows whitened(const Rows& rows, const Vec& factor, ExecutionContext context);
[[nodiscard]] Vec times_transposed(const Vec& factor, const Vec& phi);
[[nodiscard]] Vec solve_transposed(const Vec& factor, Vec phi);

/// Weights of the columns for the error of a prediction, |(x_j weight_j)_j|: 1 / root mean square of each column over
/// the quarter of up to 4096 chosen rows with the smallest residuals. Over all of those rows for columns that vanish on
/// the quarter; m^1/2 times the column's scale for columns that vanish on all, as if one row alone determined them.
[[nodiscard]] Vec inner_weights(const Table& table, const Whitening& whitening, const Indices& chosen,
                                const Vec& theta);

}  // namespace pyrometer::minimum::absolute
