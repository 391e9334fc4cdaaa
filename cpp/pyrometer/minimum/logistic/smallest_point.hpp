// The point of smallest norm in the convex hull of points, in twice the working precision.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

/// Sums below this part of their terms are taken for 0.
inline constexpr double kVanishing = 0x1p-80;

struct SmallestPoint {
  enum class Kind {
    separates,  ///< every point p_i has p_i . point > 0
    zero,       ///< the hull contains 0: a combination of the `corral` with positive weights
    undecided,  ///< rounding does not tell
  };
  Kind kind = Kind::undecided;
  std::vector<DoubleDouble> point;
  std::vector<Index> corral;
};

/// Wolfe's algorithm (Mathematical Programming 11, 1976), stopped as soon as the point separates well.
///
/// points  count x size, row-major, none of them 0, of sizes near 1.
///
/// Cost: some `size` to a few times as many readings of the points, and `size`^2 operations in between.
[[nodiscard]] SmallestPoint smallest_point(const std::vector<DoubleDouble>& points, Index size);

}  // namespace pyrometer::minimum
