// The exact step: least absolute deviations of a few rows, as a vertex of the linear programme.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// A fixed pseudo-random number between -1 and 1 for row i.
[[nodiscard]] inline double jitter_of(Index i) {
  const std::uint64_t h = base::mixed((static_cast<std::uint64_t>(i) + 1) * base::kSplitMix);
  return static_cast<double>(static_cast<std::int64_t>(h)) * 0x1p-63;
}

/// Adds to y_i size * jitter_of(origin[i]). Ties in the data
/// are broken, and the dual of a vertex stays feasible for the data themselves: y does not enter its constraints.
void jitter(Rows& rows, const Indices& origin, double size);

/// A basis of rows that phi interpolates, and the dual: signs of the others, d = -Z_B'^{-1} sum_{i not in B} s_i z_i in
/// it.
struct Vertex {
  Vec phi;
  Indices basis;
  Signs signs;           ///< 0 in the basis
  bool optimal = false;  ///< |d| <= 1 up to rounding
  Index pivots = 0;
};

/// Minimises sum |y_i - z_i . phi|.
///
/// rows  whitened (see Whitening), columns >= 1, y jittered (see jitter) so that no more than n rows vanish together:
/// else it may go
///       round, and stop after a number of pivots without an optimum. Not optimal either if the rows do not span the
///       columns.
/// phi   where to start.
///
/// Walks from vertex to vertex along edges (Barrodale and Roberts 1973): leaves the row of the steepest edge, goes on
/// to the minimum along it, past as many zeros as it takes (a weighted median), enters the row found there.
///
/// Cost: some n to 4 n pivots from a good start, each 2 m n flops and m n doubles read, and a partial sort of m
/// numbers.
///
/// near  whether phi is so near to the lowest vertex that its rows are those of the smallest residuals.
[[nodiscard]] Vertex simplex(const Rows& rows, const Vec& phi, bool near, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
