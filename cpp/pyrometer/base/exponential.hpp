// The exponential function and the logarithm of one number, for loops that are vectorised.
#pragma once

#include <bit>
#include <cstdint>

namespace pyrometer::base {

/// exp(-a) for 0 <= a <= 708: a = k ln 2 - r with |r| <= ln(2) / 2, Taylor's series of exp(r) to 2^-57, and 2^-k from
/// its bits.
[[gnu::always_inline]] inline double exp_minus(double a) {
  constexpr double kRound = 0x1.8p52, kLog2High = 0x1.62e42fefa39efp-1, kLog2Low = 0x1.abc9e3b39803fp-56;
  const double shifted = a * 0x1.71547652b82fep+0 + kRound, k = shifted - kRound;
#ifdef __FMA__
  const double r = __builtin_fma(k, kLog2High, -a) + k * kLog2Low;
#else
  // Without fma the product k ln 2 must be exact: 32 bits of ln 2, and the rest.
  constexpr double kHead = 0x1.62e42feep-1, kTail = 0x1.a39ef35793c76p-33;
  static_cast<void>(kLog2High), static_cast<void>(kLog2Low);
  const double r = (k * kHead - a) + k * kTail;
#endif
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  const std::uint64_t scale = 0x3FF0000000000000 - (std::bit_cast<std::uint64_t>(shifted) << 52);
  return p * std::bit_cast<double>(scale);
}

/// ln(1 + e) for 0 < e <= 1 = 2 artanh(s), s = e / (2 + e) <= 1/3: the series in s^2 <= 1/9 to 2^-56.
[[gnu::always_inline]] inline double log_one_plus(double e) {
  const double s = e / (2 + e), z = s * s;
  double p = 2.0 / 31;
  p = p * z + 2.0 / 29;
  p = p * z + 2.0 / 27;
  p = p * z + 2.0 / 25;
  p = p * z + 2.0 / 23;
  p = p * z + 2.0 / 21;
  p = p * z + 2.0 / 19;
  p = p * z + 2.0 / 17;
  p = p * z + 2.0 / 15;
  p = p * z + 2.0 / 13;
  p = p * z + 2.0 / 11;
  p = p * z + 2.0 / 9;
  p = p * z + 2.0 / 7;
  p = p * z + 2.0 / 5;
  p = p * z + 2.0 / 3;
  return s * (p * z) + 2 * s;
}

}  // namespace pyrometer::base
