// How far a vertex can be from the minimum: an upper bound, rounding included.
#pragma once

#include "pyrometer/minimum/absolute/passes.hpp"
#include "pyrometer/minimum/absolute/simplex.hpp"
#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

struct Certified {
  double value = 0;
  Vec parameters;     ///< of the caller's columns, the intercept last
  double gap = 0;     ///< E(parameters) - E* is at most this
  Vec error;          ///< |parameters - those of any minimiser| are at most this
  double slack = 0;   ///< how much of the gap is the vertex's, not rounding's
  double terms = 0;   ///< mean of |y| + sum_j |x_j theta_j|: what cancels in a residual
  Indices misjudged;  ///< rows on the other side of zero than the vertex has them, in order
};

/// Solves for the basis in the caller's (centred) columns, to the last bit or two, and measures the energy and its dual
/// there:
///
///     d_i = s_i off the basis, d_B = -X_B'^{-1} sum s_i x_i,   E* >= (1/m) sum d_i y_i / max(1, |d_B|)
///
/// Within eta of d_B (the rounding of the sums, carried through the inverse) lies a d_B for which sum d_i x_i = 0
/// exactly, so the bound is one of exact arithmetic. Added to the gap: sides that differ from the signs, residuals left
/// in the basis, the rounding of residuals, and what the rounding of the parameters to doubles changes.
///
/// With |d_B| < 1 the minimiser is unique, since for any theta
///
///     m E(theta) >= sum d_i y_i + sum_B (1 - |d_k|) |y_k - x_k . theta|,
///
/// so that at the minimiser |y_k - x_k . theta| <= m gap / (1 - |d_k|) in the basis, and error is that times
/// |X_B^{-1}|. Where the side of every other row is beyond doubt, the minimiser interpolates the basis, and error is
/// rounding. Infinite where some |d_k| may be 1, or columns are dependent.
///
/// Columns that depend on others (Whitening) are taken to depend on them exactly; where that is doubtful, the gap is as
/// large as the energy.
///
/// Cost: one pass over the rows.
[[nodiscard]] Certified certify(const Table& table, const Whitening& whitening, const Vertex& vertex,
                                ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
