// The point of smallest norm in the convex hull of points, in double-double precision.
#pragma once

#include <functional>
#include <vector>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

/// Sums below this multiple of their terms are taken for 0.
inline constexpr double kVanishing = 0x1p-80;
/// Of the terms: more than the rounding errors of double-double operations.
inline constexpr double kWideRounding = 0x1p-100;

struct SmallestPoint {
  enum class Kind {
    separates,  ///< every point p_i has p_i . point > 0
    zero,       ///< the hull contains 0: a combination of the `corral` with positive weights
    undecided,  ///< undecided because of rounding
  };
  Kind kind = Kind::undecided;
  std::vector<DoubleDouble> point;
  std::vector<Index> corral;
};

/// Of points whose affine hull is near 0: -1 if they are linearly independent, so that it does not contain 0; their
/// number if all have a part in their only combination that is 0; else the position of one that has none.
using Redundant = std::function<Index(const std::vector<Index>&)>;

/// Wolfe's algorithm (Mathematical Programming 11, 1976), stopped as soon as the point separates all points with a
/// sufficient margin.
///
/// Where the point is near 0, `redundant` says whether it is 0. If not, it is refined, to relative precision.
///
/// points  count x size, row-major, none of them 0, of sizes near 1.
///
/// Cost: `size` to a few times as many passes over the points of 4 flops a number, each with about 5 `size`^2
/// double-double operations.
[[nodiscard]] SmallestPoint smallest_point(const std::vector<DoubleDouble>& points, Index size,
                                           const Redundant& redundant);

}  // namespace pyrometer::minimum
