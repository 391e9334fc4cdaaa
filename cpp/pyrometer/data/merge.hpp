// Moments of two data sets put together, or of one with a part taken out.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// What second_moments() gives for one system of `columns` = p + 1 columns; arrays that somebody else owns.
struct MomentsView {
  Index count = 0;
  const double* mean = nullptr;     ///< columns
  const double* scatter = nullptr;  ///< columns x columns, symmetric
};

/// The moments of a and b together (sign = +1), or of a without b (sign = -1; b must be a part of a's rows).
///
///     n       = n_a +- n_b,   delta = mean_b - mean_a
///     mean    = mean_a +- delta n_b / n
///     scatter = scatter_a +- scatter_b +- delta delta' n_a n_b / n         (Chan, Golub, LeVeque 1983, and its
///     inverse)
///
/// Taking out what was put in gives the moments back up to rounding, which is relative to the larger of the two: what
/// is left of a nearly emptied set has few digits. Nothing is clamped.
///
/// Throws std::invalid_argument for counts below 1, for n < 1, where the difference has a negative sum of squares
/// beyond rounding (b was no part of a), and where the result overflows.
///
/// Cost: 5 columns^2 flops, memory-bound. Serial; the result may not overlap a or b.
void merge_moments(const MomentsView& a, const MomentsView& b, int sign, Index columns, double* mean, double* scatter);

}  // namespace pyrometer::data
