// How much dependent columns that are rounded may lower a loss.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
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

/// A column that is a combination of sparser ones, such as splines, within rounding.
struct DenseColumn {
  Index column = -1;                          ///< the number of features for the constant one, -1 if there is none
  const std::vector<double>* null = nullptr;  ///< the vector of `null`
};

/// The column with the most elements other than 0, of those that have a large part (2^-10 of the largest, or more) in a
/// vector of `null`, if it has half as many again as another of them. Without it the model is the same, and the other
/// columns keep their exact zeros, which decide what is separated. Cost: a pass over the rows.
[[nodiscard]] DenseColumn dependent_column(const data::Rows<double>& rows, bool intercept,
                                           const std::vector<std::vector<double>>& null);

/// The numbers of the rows without that column; a copy of the rows unless it is the constant.
[[nodiscard]] std::vector<double> without_column(const data::Rows<double>& rows, Index column);

/// Rows with elements above 2^30 times a small typical one of their column, beside which rounding hides others.
[[nodiscard]] std::vector<bool> large_rows(const data::Rows<double>& rows, bool intercept);

/// Columns that depend on others within rounding in all rows but some, such as splines beside a constant: replaced by
/// what is left of them in these, and by 0 in the others, whose rounding errors would have parameters.
class ReducedColumns {
 public:
  /// The infimum is taken if its gap, relative to it, is at most this.
  static constexpr double kClosed = 1e-6;

  /// left_out: rows in which the columns need not be dependent.
  ReducedColumns(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& left_out, int threads);

  /// Whether a column is replaced.
  [[nodiscard]] bool any() const { return !null_.empty(); }
  [[nodiscard]] data::Rows<double> rows() const;
  /// How much less than `loss`, the infimum for these columns, the loss may be by what is taken for 0; theta and the
  /// slopes of lowered_by_rounding are of any number of classes, and of these columns.
  [[nodiscard]] double lowered(std::vector<double> theta, double loss,
                               const std::function<std::vector<double>()>& slopes) const;
  /// Parameters of the given columns, from those of the columns here.
  void back(std::vector<double>& theta) const;

 private:
  data::Rows<double> rows_;
  std::vector<double> X_;
  std::vector<std::vector<double>> null_;
  std::vector<Index> replaced_;  ///< by each of them
};

/// A copy of some rows.
class RowSubset {
 public:
  RowSubset(const data::Rows<double>& rows, const std::vector<Index>& which);

  [[nodiscard]] data::Rows<double> rows() const;

 private:
  Index features_;
  std::vector<double> X_, y_, weights_;
};

/// How often rows are searched, in one way or another, with so many parameters: ways that lead to others are more than
/// the square of the number of dependent columns, and what the first ones leave open, others rarely close.
[[nodiscard]] inline Index most_searches(Index rows, Index parameters) {
  constexpr double kOperations = 1 << 25;
  constexpr Index kFewest = 12, kMost = 1000;
  const double m = static_cast<double>(rows), n = static_cast<double>(parameters);
  return kFewest + static_cast<Index>(std::min(kOperations / (m * n * n + 1), static_cast<double>(kMost)));
}

/// Replaces `out` by a solution of the same rows that was found in another way, if the sum of its value and gap is
/// smaller: both values are reached, so that a smaller gap of a larger value is no gain. Counts all evaluations.
template <class Solution>
void take_better(std::optional<Solution> other, Solution& out) {
  if (!other) return;
  out.evaluations += other->evaluations;
  if (!(other->gap + other->value < out.gap + out.value)) return;
  other->evaluations = out.evaluations;
  other->rank = out.rank;
  other->errors.clear();
  out = *std::move(other);
}

}  // namespace pyrometer::minimum
