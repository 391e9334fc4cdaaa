// The exact step: least absolute deviations of a few rows, as a vertex of the linear programme.
#pragma once

#include "pyrometer/minimum/absolute_rows.hpp"

namespace pyrometer::minimum::absolute {

/// A basis of rows that phi interpolates, and the dual: signs of the others, d = -Z_B'^{-1} sum_{i not in B} s_i z_i in it.
struct Vertex {
  Vec phi;
  Indices basis;
  Signs signs;           ///< 0 in the basis
  bool optimal = false;  ///< |d| <= 1 up to rounding
  Index pivots = 0;
};

/// Minimises sum |y_i + e_i - z_i . phi| with tiny fixed e_i, |e_i| <= jitter, so that no two rows vanish together: ties in the
/// data then cannot make it go round. The signs are dual feasible for the data themselves: e does not enter the dual.
///
/// rows  whitened (see Frame), of rank rows.columns, columns >= 1.
/// phi   where to start.
///
/// Walks from vertex to vertex along edges (Barrodale and Roberts 1973): leaves the row of the steepest edge, goes on to the
/// minimum along it, past as many zeros as it takes (a weighted median), enters the row found there.
///
/// Cost: some n to 4 n pivots from a good start, each 2 m n flops and m n doubles read, and a partial sort of m numbers.
[[nodiscard]] Vertex walk(const Rows& rows, const Vec& phi, double jitter, Team team);

}  // namespace pyrometer::minimum::absolute
