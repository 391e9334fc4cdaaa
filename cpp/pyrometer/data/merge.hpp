// Merging the second moments of two data sets, or removing a part.
#pragma once

#include "pyrometer/base/types.hpp"
#include "pyrometer/data/accuracy.hpp"

namespace pyrometer::data {

/// The result of second_moments() for one system of `columns` = p + 1 columns; not owned.
struct MomentsView {
  double count = 0;                     ///< number of rows, or the sum of their weights
  const double* mean = nullptr;         ///< columns
  const double* scatter = nullptr;      ///< columns x columns, symmetric
  const double* scatter_low = nullptr;  ///< to be added to the upper half of the scatter, row by row; null for zeros
  const double* accuracy = nullptr;     ///< kAccuracy x columns
};

/// Size of scatter_low.
[[nodiscard]] constexpr Index half_of(Index columns) { return columns * (columns + 1) / 2; }

/// The same for output.
struct MomentsSlots {
  double* mean;
  double* scatter;
  double* scatter_low;
  double* accuracy;
};

/// The moments of a and b together (sign = +1), or of a without b (sign = -1; b must be a part of a's rows).
///
///     n       = n_a +- n_b,   delta = mean_b - mean_a
///     mean    = mean_a +- delta n_b / n
///     scatter = scatter_a +- scatter_b +- delta delta' n_a n_b / n         (Chan, Golub, LeVeque 1983, and its
///     inverse)
///
/// in double-double arithmetic: removing a merged part restores the moments up to 2^-104 of the larger of the two. A
/// sum of squares that is negative by rounding is set to its error bound; if a `single` row is left, all are zero.
///
/// Rows far smaller than others are hidden by the rounding of the others' squares. kSmallest is the least mean square
/// of the deviations in a part, or of its values where all are equal and so small that this is no chance; where no
/// part's are below a hundredth of those of all rows, it is theirs.
///
/// count    n as the caller knows it.
/// exact    whether the three counts are exact. Those of weighted rows may be rounded sums, whose errors are added to
///          the error bounds.
///
/// Throws std::invalid_argument for counts that are not above 0, if the difference has a negative sum of
/// squares beyond the error bounds of a and b (b is not part of a), and if the result overflows.
///
/// Cost: about 18 columns^2 flops, 28 columns^2 bytes; memory-bound. Serial; the result may not overlap a or b.
void merge_moments(const MomentsView& a, const MomentsView& b, int sign, Index columns, double count, bool single,
                   bool exact, const MomentsSlots& out);

}  // namespace pyrometer::data
