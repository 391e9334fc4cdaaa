// What is large and what is small: sizes of residuals, and coordinates in which errors of predictions are equally
// large.
#pragma once

#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

/// The least squares of rows in whitened coordinates, where sum z z' is about the identity times their number: mean z
/// y.
[[nodiscard]] Vec least_squares_start(const Rows& rows);

/// A size for the residuals that outliers do not make large: their median, or a higher quantile where half fit exactly,
/// or a hundredth of the mean where most do. From a sample of 256.
[[nodiscard]] double typical(const Rows& rows, const Vec& phi);

/// L^{-1} z for every row, L a lower triangle packed by rows; what phi becomes, L' phi; and back.
[[nodiscard]] Rows whitened(const Rows& rows, const Vec& factor, ExecutionContext context);
[[nodiscard]] Vec times_transposed(const Vec& factor, const Vec& phi);
[[nodiscard]] Vec solve_transposed(const Vec& factor, Vec phi);

/// 1 / root mean square of each column over the quarter of the rows nearest to zero, of up to 4096 of the chosen: what
/// an error of prediction is measured in, for columns that are not too correlated. Over all rows looked at for columns
/// that vanish there; a column that vanishes on them all is taken for one that lives on a single row.
[[nodiscard]] Vec inner_weights(const Table& table, const Whitening& whitening, const Indices& chosen,
                                const Vec& theta);

}  // namespace pyrometer::minimum::absolute
