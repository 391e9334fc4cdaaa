// How much dependent columns that are rounded may lower a loss.
#pragma once

#include <functional>
#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// Columns that depend on others within rounding have no parameters of their own: along v with (x_i, 1) . v = r_i, all
/// r_i at rounding level, the loss is taken for constant. It is convex, and its other derivatives are 0 at theta, so
/// that a v lowers it by at most
///
///     |a| sum_c |sum_i slope_ic r_i|
///
/// Returned is a bound of the sum of this over the vectors of `null`, where the terms of a v are up to 8 times as large
/// as those of theta, and 1, in rows without fill values. Larger parameters could turn rounding errors into a signal.
///
/// null    n numbers each, exact as they are.
/// theta   any number of parameters n.
/// loss    there.
/// slopes  of them, rows x classes: derivatives of the loss by the logits, weights included. Asked for only where sums
///         without them are not far below the rounding of the loss.
///
/// Cost: 12 m n flops for each vector, in double-double precision.
[[nodiscard]] double lowered_by_rounding(const data::Rows<double>& rows, bool intercept,
                                         const std::vector<std::vector<double>>& null, const std::vector<double>& theta,
                                         double loss, const std::function<std::vector<double>()>& slopes);

/// The vector of `null` of which the constant column, its last, is the largest part, at least 2^-10 of the others: the
/// constant is then a combination of the other columns, such as splines, within rounding. nullptr if there is none.
///
/// Without it the model is the same, and those columns keep their exact zeros, which decide what is separated.
[[nodiscard]] const std::vector<double>* dependent_constant(const data::Rows<double>& rows,
                                                            const std::vector<std::vector<double>>& null);

}  // namespace pyrometer::minimum
