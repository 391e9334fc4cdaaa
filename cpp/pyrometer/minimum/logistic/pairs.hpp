// The lowest softmax cross entropy where rows of very different sizes or distances hide each other in the Hessian.
#pragma once

#include <cstdint>
#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

struct PairsResult {
  double loss = 0, gap = 0;   ///< at theta, which differs from the infimum by at most gap; infinity if undecided
  std::vector<double> theta;  ///< classes - 1 x n
  Index evaluations = 0;
};

/// Newton's method in the margins of the rows that Gaussian elimination of the differences (e_y - e_c) (x) x_i finds
/// (elimination.hpp): the margin of a large row is a coordinate of its own, and does not hide those of the others.
///
/// The certificate: leaving out classes whose logits are far below the largest one of their row gives a lower bound
///
///     sum_i w_i [ln sum_{c in A_i} e^{z_ic} - z_i,y_i]
///
/// of the loss, convex too, linear in the rows where one class is left. Where the linear part is in the span of the
/// differences of the classes that are left, its minimum is found, and certified as in descent.hpp. The loss there
/// exceeds it by sum_i w_i ln(1 + sum_{c not in A_i} e^{z_ic} / sum_{c in A_i} e^{z_ic}).
///
/// Where that does not close the rows are eliminated again, in the order of their weights w p (1 - p) in the Hessian: a
/// row that is nearly separated, whose weight is negligible, then has a coordinate of its own on which none of the rows
/// that weigh more depends, and the Hessian is well conditioned once its diagonal is scaled to ones.
///
/// The gap includes the rounding errors of the loss at theta, and those of the elimination.
///
/// rows     linearly independent columns, no intercept; classes in rows.y.
/// allowed  rows x classes, 0 for those that are not in the loss.
/// logits   rows x classes, of a point to start from.
///
/// Cost: m C^2 (n C)^2 flops for each iteration, up to some hundred, and m C (n C)^2 double-double operations; nothing
/// is computed, and the gap is infinite, where an iteration passes 2^27. At most 2^34 flops are begun.
[[nodiscard]] PairsResult minimum_of_pairs(const data::Rows<double>& rows, Index classes,
                                           const std::vector<std::uint8_t>& allowed, const std::vector<double>& logits);

}  // namespace pyrometer::minimum
