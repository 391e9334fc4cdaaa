// Whether columns that were found dependent are so in every row.
#pragma once

#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

/// Scaled column `column` as the sum of coefficients[k] times scaled column of[k].
struct Dependence {
  Index column = 0;
  Indices of;
  Vec coefficients;
  Vec rounding_bound;  ///< of the error of each
};

/// From the coefficients of all columns, known to rounding: those that are rounding become 0, and those that are within
/// rounding of a number of few digits become that number.
///
/// size  of each scaled column.
[[nodiscard]] Dependence dependence(Index column, const Vec& parts, const Vec& size);

/// Whether each is a combination of the others up to the rounding of its own terms, row by row. Rounding in the norm of
/// a column is not enough where rows differ in size by many orders of magnitude. Where they differ by more than a
/// double is precise, all must depend exactly: sums of two columns lose the smaller one in some rows, and what they
/// lose there is as large as all of other rows.
///
/// Cost: a pass over the rows.
[[nodiscard]] bool all_depend(const Table& table, const Whitening& whitening, const std::vector<Dependence>& columns,
                              ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
