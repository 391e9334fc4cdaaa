// Least absolute deviations by an interior-point method, whose number of steps hardly depends on the size.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Improves phi by Mehrotra's predictor-corrector method on the dual, max d . y over |d_i| <= 1 with Z' d = 0 (Portnoy
/// and Koenker, Statistical Science 12 (1997) 279): with r = p - q,
///
///     p (1 - d) = mu,    q (1 + d) = mu,    mu -> 0.
///
/// rows    whitened, y perturbed by jitter(): the optimal vertex is then unique, and its basis is the rows whose
///         residuals vanish.
/// closed  the sum of the left sides, relative to sum |r|, at which the method stops. At 1e-12 phi is within about
///         1e-10 of the vertex, in units of typical residuals.
/// phi     in: starting point; out: near the vertex. Unchanged if the normal matrix of the first step is not positive
///         definite.
///
/// Returns for every row the distance of d_i from the nearer of its bounds, negative where that is -1: about 0 where
/// the sign of the residual is decided.
///
/// Cost: 10 to 20 steps of m n^2 + n^3 / 3 flops, up to 100 where the energy is flat or many residuals are tied; each
/// reads m n doubles three times.
Vec interior(const Rows& rows, double closed, Vec& phi, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
