// Checks row by row that columns found linearly dependent are dependent up to rounding.
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

/// The dependence of `column` from approximate coefficients of all columns: coefficients at rounding level become 0,
/// and those within rounding of a number of at most 20 binary digits become that number.
///
/// parts  the coefficients.
/// size   root mean square of each scaled column.
[[nodiscard]] Dependence dependence(Index column, const Vec& parts, const Vec& size);

/// Whether each of `columns` is a linear combination of the others up to the rounding errors of its own terms in every
/// row. A residual at rounding level in the norm of a column is not sufficient where rows differ in size by many orders
/// of magnitude. Few small rows whose difference is the rounding of typical ones count as dependent, such as those of
/// columns from which different means were subtracted. Where the sizes of other rows span more than the precision of a
/// double, the dependence must be exact: sums of two columns lose the smaller one in some rows, and the residual there
/// is as large as entire other rows.
///
/// Cost: one pass over the rows, 4 flops for each coefficient, and 1024 rows for the median of their terms.
[[nodiscard]] bool all_depend(const Table& table, const Whitening& whitening, const std::vector<Dependence>& columns,
                              ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
