// Eight doubles at every instruction-set level, for algorithms on eight rows at a time.
//
// The compiler splits them to the width of the registers. Functions take vectors by reference: vectors wider than the
// registers have no fixed calling convention.
#pragma once

#include <cstring>

namespace pyrometer::energy {

typedef double Lanes __attribute__((vector_size(64)));

[[gnu::always_inline]] inline void load(const double* from, Lanes& to) { std::memcpy(&to, from, sizeof to); }

[[gnu::always_inline]] inline void load(const float* from, Lanes& to) {
  typedef float Half __attribute__((vector_size(32)));
  Half half;
  std::memcpy(&half, from, sizeof half);
  to = __builtin_convertvector(half, Lanes);
}

[[gnu::always_inline]] inline void store(double* to, const Lanes& from) { std::memcpy(to, &from, sizeof from); }

[[gnu::always_inline]] inline void fill(double value, Lanes& to) {
  to = Lanes{value, value, value, value, value, value, value, value};
}

}  // namespace pyrometer::energy
