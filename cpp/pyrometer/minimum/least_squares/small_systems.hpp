// Least squares of several small systems at once, one per lane of a vector.
#pragma once

#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// The number of systems that solve_alike() takes at a time, and their largest number of features.
[[nodiscard]] Index alike_at_once();
inline constexpr Index kAlikeFeatures = 24;

/// Returns a bit for each of alike_at_once() consecutive systems from `first` on whose columns are certainly
/// independent: those that solve_alike() solves. Beyond the end of the stack the last system is repeated. Serial. Cost:
/// p^3 / 3 vector operations.
[[nodiscard]] unsigned independent_alike(const Moments& data, Index first);

/// Minimises the energy of least_squares() for consecutive systems that need no pivoting: Cholesky factors in the given
/// order of the columns, with all pivots of the scaled covariances above 1e-6, so that the rank is certainly full.
///
/// data   1 .. kAlikeFeatures features.
/// first  the first of alike_at_once() systems; beyond the end of the stack the last system is repeated.
/// out    written for the systems that were solved.
///
/// Returns a bit for each solved system, the lowest for the first. The others are not changed: systems with moments
/// that are not finite or have errors, with constant or nearly dependent columns require pivoting.
///
/// Reproducible: whether a system is solved, and its bits, depend on that system only. Serial. Cost: p^3 / 3 + 14 p^2
/// vector operations, 80 KB of stack.
[[nodiscard]] unsigned solve_alike(const Moments& data, const Penalty& l2, Index first, const Minima& out);

}  // namespace pyrometer::minimum
