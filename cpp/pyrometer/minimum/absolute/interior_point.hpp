// Least absolute deviations of a few rows and many columns: almost to the vertex, in steps whose number hardly grows.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Improves phi by Mehrotra's predictor-corrector method on the dual, max d . y over |d_i| <= 1 with Z' d = 0 (Portnoy
/// and Koenker, Statistical Science 12 (1997) 279): with r = p - q,
///
///     p (1 - d) = mu,    q (1 + d) = mu,    mu -> 0.
///
/// rows  whitened, y jittered: then the vertex is unique, and its rows are those whose residuals vanish.
/// phi   where to start; out: within about 1e-10 of the vertex, in units of typical residuals. Unchanged if the matrix
///       of a step is not positive definite at once.
/// Cost: some 10 to 20 steps of m n^2 + n^3 / 3 flops.
void interior(const Rows& rows, Vec& phi, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
