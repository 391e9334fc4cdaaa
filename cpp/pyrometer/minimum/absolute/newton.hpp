// Towards the least absolute deviations of a few rows by Newton's method on a smoothed absolute value.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Improves phi: Newton steps on sum h(y_i - z_i . phi), Huber's h with a quadratic part |r| < g that holds a share of
/// the rows. The share falls fourfold, from a half to `share`, whenever the step is small compared with g; a line
/// search on the unsmoothed energy keeps every step from overshooting.
///
/// stride   uses every stride-th block of 64 rows only.
/// Leaves an error of about sqrt(n share / 2 m) in units of the residuals' inverse density at zero, which makes
/// c sqrt(2 n m share) rows within c errors.
/// Returns the Cholesky factor L (lower triangle, packed by rows) of the mean of z z' over the rows of the quadratic
/// part: the coordinates L^{-1} z are uncorrelated there, and |L^{-1} z| is the size of the error of a prediction.
/// Empty where no step was made. Cost of a step: about m (n^2 + 12 n) flops; some 4 steps from a good start, 10 from
/// least squares.
Vec newton(const Rows& rows, Index stride, double share, Vec& phi, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
