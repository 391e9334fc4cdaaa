// Approximate least absolute deviations of a few rows by Newton's method on a smoothed absolute value.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Improves phi by Newton steps on sum h(y_i - z_i . phi), with Huber's function h whose quadratic part |r| < g holds a
/// given share of the rows. The share falls by factors of 4, from a half to `share`, whenever the step is small
/// compared with g; a line search on the unsmoothed energy prevents overshooting.
///
/// stride   only every stride-th block of 64 rows is used.
/// phi      in: starting point; out: the error of a prediction is about (n share / 2 m)^1/2 in units of the reciprocal
///          density of residuals at zero, so about c (2 n m share)^1/2 rows lie within c errors.
///
/// Returns the Cholesky factor L (lower triangle, packed by rows) of the mean of z z' over the rows of the quadratic
/// part: the coordinates L^{-1} z are uncorrelated there, and |L^{-1} z| is proportional to the error of a prediction.
/// Empty if no step was made.
///
/// Cost of a step: about m (n^2 + 12 n) flops; some 4 steps from a good start, 10 from least squares.
Vec newton(const Rows& rows, Index stride, double share, Vec& phi, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
