// The simplex method for least absolute deviations of a few rows: an optimal vertex of the linear programme.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// A fixed pseudo-random number between -1 and 1 for row i.
[[nodiscard]] inline double jitter_of(Index i) {
  const std::uint64_t h = base::mixed((static_cast<std::uint64_t>(i) + 1) * base::kSplitMix);
  return static_cast<double>(static_cast<std::int64_t>(h)) * 0x1p-63;
}

/// Adds size * jitter_of(origin[i]) to y_i. This breaks ties in the data (degenerate vertices), and the dual solution
/// of a vertex stays feasible for the original data: y does not enter the dual constraints.
void jitter(Rows& rows, const Indices& origin, double size);

/// A vertex: the basis, n rows that phi interpolates, and the dual solution, the signs s_i of the residuals of the
/// other rows and d = -Z_B'^{-1} sum_{i not in B} s_i z_i in the basis.
struct Vertex {
  Vec phi;
  Indices basis;
  Signs signs;           ///< 0 in the basis
  bool optimal = false;  ///< |d| <= 1 up to rounding
  Index pivots = 0;
};

/// Minimises sum |y_i - z_i . phi| over phi by the simplex method of Barrodale and Roberts (1973): leaves the basis row
/// with the steepest descent edge and moves to the minimum along that edge, a weighted median, past as many sign
/// changes as it takes; the row there enters the basis.
///
/// rows  whitened, at least one column; y perturbed by jitter(), so that no more than n residuals vanish at a vertex.
///       Otherwise the method may cycle, and stops at its limit of pivots without an optimum. Not optimal either if the
///       rows do not span all columns.
/// phi   starting point.
/// near  whether phi is so close to the optimum that the optimal basis consists of the smallest residuals.
///
/// Cost: n to 4 n pivots from a good start, each 2 m n flops, m n doubles read, and a selection among m numbers.
[[nodiscard]] Vertex simplex(const Rows& rows, const Vec& phi, bool near, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
