// The optimality certificate of a vertex: a rigorous upper bound of its duality gap, rounding errors included.
#pragma once

#include "pyrometer/minimum/absolute/passes.hpp"
#include "pyrometer/minimum/absolute/simplex.hpp"
#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

struct Certified {
  double value = 0;
  Vec parameters;      ///< of the caller's columns, the intercept last
  double gap = 0;      ///< E(parameters) - E* is at most this
  Vec error;           ///< |parameters - those of any minimiser| are at most this
  double slack = 0;    ///< the part of the gap that is not rounding error
  double crossed = 0;  ///< the part of the slack that residuals of the wrong sign make
  double terms = 0;    ///< mean of |y| + sum_j |x_j theta_j|: the terms of the residuals
  Indices misjudged;   ///< rows whose residual has the opposite sign of the vertex's, in order
};

/// Solves X_B theta = y_B by iterative refinement with double-double residuals, in the caller's (centred) columns, and
/// evaluates the energy and a dual feasible point:
///
///     d_i = s_i off the basis, d_B = -X_B'^{-1} sum s_i x_i,   E* >= (1/m) sum d_i y_i / max(1, |d_B|)
///
/// Within eta of d_B (the rounding error of the sums, propagated through the inverse) lies a d_B for which
/// sum d_i x_i = 0 exactly, so the bound holds in exact arithmetic. The gap further includes residuals whose sign
/// differs from s_i, residuals of the basis, rounding errors of the residuals, and the effect of rounding the
/// parameters to doubles.
///
/// With |d_B| < 1 the minimiser is unique, since for any theta
///
///     m E(theta) >= sum d_i y_i + sum_B (1 - |d_k|) |y_k - x_k . theta|,
///
/// so that at the minimiser |y_k - x_k . theta| <= m gap / (1 - |d_k|) in the basis, and error is that times
/// |X_B^{-1}|. Where the signs of all other residuals are certain, the minimiser interpolates the basis, and error is
/// a rounding error bound. Infinite where some |d_k| may be 1, or columns are dependent.
///
/// Dropped columns (see Whitening) are taken to depend on the others exactly; where that is uncertain, the gap is as
/// large as the energy.
///
/// Cost: one pass over the rows, 8 n flops a row; up to three passes of about 40 n flops if the gap of the first, in
/// plain double precision, exceeds 1e-10 of the energy.
[[nodiscard]] Certified certify(const Table& table, const Whitening& whitening, const Vertex& vertex,
                                ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
