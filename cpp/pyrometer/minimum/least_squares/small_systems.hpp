// Least squares of several small systems at once, one to a lane.
#pragma once

#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// How many systems solve_alike() takes at a time, and the most features that they may have.
[[nodiscard]] Index alike_at_once();
inline constexpr Index kAlikeFeatures = 24;

/// Minimises what least_squares() minimises for neighbouring systems, where that is easy: Cholesky factors in the order
/// of the columns, every pivot of the scaled covariances above 1e-6, so that the rank is full beyond doubt.
///
/// data   1 .. kAlikeFeatures features.
/// first  the first of alike_at_once() systems; those behind the last one of the stack are the last once more.
/// out    written for the systems that were solved.
///
/// Returns a bit for each system that was solved, from the lowest. The others are as they were: moments that are not
/// finite or had lost digits, constant columns and columns that nearly depend on others are for those who pivot.
///
/// Reproducible: lanes do not see each other; whether a system is solved, and its bits, depend on the system alone.
/// Serial. Cost: p^3 / 3 + 14 p^2 operations on vectors, 80 KB of stack.
[[nodiscard]] unsigned solve_alike(const Moments& data, const Penalty& l2, Index first, const Minima& out);

}  // namespace pyrometer::minimum
