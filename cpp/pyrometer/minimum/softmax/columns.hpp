// Rows that a single column separates, with their class, from all others.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// Rows of one class whose values of a column are all beyond a threshold on one side, where those of all other rows
/// that were not separated before are equal to it.
struct SeparatedByColumn {
  Index column = 0, label = 0;
  double threshold = 0, sign = 1;  ///< sign (x_column - threshold) > 0
  std::vector<Index> rows;
};

/// Finds them by comparisons, repeatedly. classes in rows.y. intercept: whether there are thresholds other than 0.
/// remaining: out, the other rows. Cost: two passes over the rows for each round.
[[nodiscard]] std::vector<SeparatedByColumn> separated_by_columns(const data::Rows<double>& rows, bool intercept,
                                                                  std::vector<Index>& remaining);

/// Moves parameters of all `classes` but the last, each with its intercept last, so far along those columns that the
/// own classes of their rows are `far` above the others. The last part first: earlier ones change no row of later ones.
void move_apart(const data::Rows<double>& rows, bool intercept, Index classes,
                const std::vector<SeparatedByColumn>& parts, double far, std::vector<double>& theta);

}  // namespace pyrometer::minimum
