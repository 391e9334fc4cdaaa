// Least absolute deviations of a few rows and many columns by an interior-point method, whose number of steps hardly
// depends on the size.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Improves phi by Mehrotra's predictor-corrector method on the dual, max d . y over |d_i| <= 1 with Z' d = 0 (Portnoy
/// and Koenker, Statistical Science 12 (1997) 279): with r = p - q,
///
///     p (1 - d) = mu,    q (1 + d) = mu,    mu -> 0.
///
/// rows  whitened, y perturbed by jitter(): the optimal vertex is then unique, and its basis is the rows whose
///       residuals vanish.
/// phi   in: starting point; out: within about 1e-10 of the vertex, in units of typical residuals. Unchanged if the
///       normal matrix of the first step is not positive definite.
///
/// Cost: 10 to 20 steps of m n^2 + n^3 / 3 flops; each reads m n doubles three times.
void interior(const Rows& rows, Vec& phi, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
