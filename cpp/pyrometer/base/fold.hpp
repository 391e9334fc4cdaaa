// Sums and minima of arrays in vector registers.
#pragma once

#include <algorithm>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// Combines numbers lane by lane (sums, minima), in an order that depends on `count` alone, so that compilers vectorise
/// it.
template <class Combine>
[[gnu::always_inline]] inline double fold(const double* values, Index count, double start, Combine combine) {
  double lanes[16];
  std::fill(lanes, lanes + 16, start);
  Index k = 0;
  for (; k + 16 <= count; k += 16)
    for (Index lane = 0; lane < 16; ++lane) lanes[lane] = combine(lanes[lane], values[k + lane]);
  for (Index lane = 0; k + lane < count; ++lane) lanes[lane] = combine(lanes[lane], values[k + lane]);
  for (Index half = 8; half > 0; half /= 2)
    for (Index lane = 0; lane < half; ++lane) lanes[lane] = combine(lanes[lane], lanes[lane + half]);
  return lanes[0];
}

}  // namespace pyrometer::base
