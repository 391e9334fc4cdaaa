// Vectors of four doubles, at every instruction-set level.
#pragma once

#include "pyrometer/base/unaligned.hpp"

namespace pyrometer::base {

using AnyFour = Unaligned<double, 4 * sizeof(double)>;
using Four = AnyFour::Vec;

/// Reads four doubles from any address.
[[gnu::always_inline]] inline void load_four(const double* from, Four& v) {
  v = reinterpret_cast<const AnyFour*>(from)->v;
}

/// Reads four floats and widens them.
[[gnu::always_inline]] inline void load_four(const float* from, Four& v) {
  v = __builtin_convertvector((reinterpret_cast<const Unaligned<float, 4 * sizeof(float)>*>(from)->v), Four);
}

/// Writes four doubles to any address.
[[gnu::always_inline]] inline void store_four(double* to, const Four& v) { reinterpret_cast<AnyFour*>(to)->v = v; }

}  // namespace pyrometer::base
