// sin(u) / u of eight numbers.
#pragma once

#include "pyrometer/energy/rows/eight_lanes.hpp"

namespace pyrometer::energy {

/// sin(u) / u for |u| <= pi/2 as a polynomial in w = u^2: Taylor series, truncated below the rounding error.
[[gnu::always_inline]] inline void sinc(const Lanes& w, Lanes& out) {
  constexpr double c[] = {1.0,
                          -1.0 / 6,
                          1.0 / 120,
                          -1.0 / 5040,
                          1.0 / 362880,
                          -1.0 / 39916800,
                          1.0 / 6227020800,
                          -1.0 / 1307674368000,
                          1.0 / 355687428096000,
                          -1.0 / 121645100408832000,
                          1.0 / 51090942171709440000.0};
  fill(c[10], out);
  for (int k = 9; k >= 0; --k) out = out * w + c[k];
}

}  // namespace pyrometer::energy
