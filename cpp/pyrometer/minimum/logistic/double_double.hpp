// Numbers of 106 bits, as the sum of two doubles (Dekker 1971; Hida, Li, Bailey 2001).
#pragma once

#include <cmath>

#include "pyrometer/minimum/dense/double_double.hpp"

namespace pyrometer::minimum {

/// hi + lo with |lo| <= ulp(hi) / 2. Relative errors of the operations are a few 2^-106, barring under- and overflow.
struct DoubleDouble {
  double hi = 0;
  double lo = 0;

  DoubleDouble() = default;
  DoubleDouble(double value) : hi(value) {}  // NOLINT(google-explicit-constructor): every double is one
  /// a + b, exactly.
  [[nodiscard]] static DoubleDouble sum(double a, double b) {
    DoubleDouble out(a + b);
    const double part = out.hi - a;
    out.lo = (a - (out.hi - part)) + (b - part);
    return out;
  }
  /// a + b, exactly, where |a| >= |b|.
  [[nodiscard]] static DoubleDouble ordered_sum(double a, double b) {
    DoubleDouble out(a + b);
    out.lo = b - (out.hi - a);
    return out;
  }
  /// Times 2^exponent.
  [[nodiscard]] DoubleDouble scaled(int exponent) const {
    return ordered_sum(std::ldexp(hi, exponent), std::ldexp(lo, exponent));
  }
};

inline DoubleDouble operator-(DoubleDouble a) {
  a.hi = -a.hi;
  a.lo = -a.lo;
  return a;
}
inline DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  DoubleDouble high = DoubleDouble::sum(a.hi, b.hi);
  const DoubleDouble low = DoubleDouble::sum(a.lo, b.lo);
  high = DoubleDouble::ordered_sum(high.hi, high.lo + low.hi);
  return DoubleDouble::ordered_sum(high.hi, high.lo + low.lo);
}
inline DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }
inline DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const double product = a.hi * b.hi;
  return DoubleDouble::ordered_sum(product, product_error(a.hi, b.hi, product) + (a.hi * b.lo + a.lo * b.hi));
}
inline DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
  const double first = a.hi / b.hi;
  const DoubleDouble left = a - b * first;
  const double second = left.hi / b.hi, third = (left - b * second).hi / b.hi;
  return DoubleDouble::ordered_sum(first, second) + third;
}

}  // namespace pyrometer::minimum
