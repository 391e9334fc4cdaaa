// Logarithms of +, -, *, / and integer operations only, whose bits are the same at every instruction-set level.
#pragma once

#include <bit>
#include <cstdint>

namespace pyrometer::base {

/// -2 ln u for normal u in (0, 1]: u = 2^e m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh(s), s = (m - 1) / (m + 1).
/// The polynomial in s^2 is minimax to 2^-57 of the whole.
[[gnu::always_inline]] inline double minus_two_log(double u) {
  constexpr std::uint64_t kOne = 0x3FF0000000000000, kRoot = 0x3FE6A09E667F3BCD;
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(u) + (kOne - kRoot);
  const double exponent = std::bit_cast<double>((shifted >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
  const double m = std::bit_cast<double>((shifted & 0x000FFFFFFFFFFFFF) + kRoot);
  const double s = (m - 1) / (m + 1), z = s * s;
  double p = -0x1.2b584aae7ca60p-2;
  p = p * z - 0x1.39fe6065427bep-2;
  p = p * z - 0x1.7462b4ab2efa4p-2;
  p = p * z - 0x1.c71c62e5800a0p-2;
  p = p * z - 0x1.2492492df148dp-1;
  p = p * z - 0x1.99999999952e2p-1;
  p = p * z - 0x1.5555555555558p+0;
  return exponent * -0x1.62e42fefa39efp+0 + s * (p * z - 4);
}

/// The same in single precision, to 2^-28.
[[gnu::always_inline]] inline float minus_two_log(float u) {
  constexpr std::uint32_t kOne = 0x3F800000, kRoot = 0x3F3504F3;
  const std::uint32_t shifted = std::bit_cast<std::uint32_t>(u) + (kOne - kRoot);
  const float exponent = static_cast<float>(static_cast<std::int32_t>(shifted >> 23) - 127);
  const float m = std::bit_cast<float>((shifted & 0x007FFFFF) + kRoot);
  const float s = (m - 1) / (m + 1), z = s * s;
  float p = -0x1.2ee610p-1f;
  p = p * z - 0x1.997c30p-1f;
  p = p * z - 0x1.55555cp+0f;
  return exponent * -0x1.62e430p+0f + s * (p * z - 4);
}

}  // namespace pyrometer::base
