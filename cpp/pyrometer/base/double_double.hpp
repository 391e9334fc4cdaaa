// Double-double arithmetic: numbers of about 106 bits as unevaluated sums of two doubles.
//
// Error-free transformations: Dekker 1971, Knuth 1969. Operations: Hida, Li, Bailey 2001; Joldes, Muller, Popescu 2017.
// Compensated sums and dot products: Ogita, Rump, Oishi 2005.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace pyrometer::base {

/// The error of the rounded product a * b, exactly (barring under- and overflow). 2 flops with fma, else 17.
inline double product_error(double a, double b, double product) {
#ifdef __FMA__
  return __builtin_fma(a, b, -product);
#else
  constexpr double splitter = 134217729;  // 2^27 + 1
  const double ta = splitter * a, tb = splitter * b;
  const double a1 = ta - (ta - a), a2 = a - a1, b1 = tb - (tb - b), b2 = b - b1;
  return a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2);
#endif
}

/// The error of the rounded sum a + b, exactly (barring overflow). 6 flops.
inline double sum_error(double a, double b, double sum) {
  const double part = sum - a;
  return (a - (sum - part)) + (b - part);
}

/// high += value, and the rounding error of that to low: one addition of a compensated sum, whose value is high + low.
/// For doubles and for vectors of doubles. 7 flops.
template <class T>
[[gnu::always_inline]] inline void add_compensated(T& high, T& low, const T& value) {
  const T sum = high + value, part = sum - high;
  low += (high - (sum - part)) + (value - part);
  high = sum;
}

/// The number hi + lo. Results of the operators and of the named functions are normalised, |lo| <= ulp(hi) / 2; add()
/// and add_product() accumulate in lo without normalising, and value() rounds the sum.
struct DoubleDouble {
  double hi = 0;
  double lo = 0;

  constexpr DoubleDouble() = default;
  constexpr DoubleDouble(double high, double low = 0)  // NOLINT(google-explicit-constructor): every double is one
      : hi(high), lo(low) {}

  /// a + b, exactly.
  [[nodiscard]] static DoubleDouble sum(double a, double b) {
    const double rounded = a + b;
    return {rounded, sum_error(a, b, rounded)};
  }
  /// a + b, exactly, where |a| >= |b|.
  [[nodiscard]] static DoubleDouble ordered_sum(double a, double b) {
    const double rounded = a + b;
    return {rounded, b - (rounded - a)};
  }
  /// a * b, exactly.
  [[nodiscard]] static DoubleDouble product(double a, double b) {
    const double rounded = a * b;
    return {rounded, product_error(a, b, rounded)};
  }
  /// Times 2^exponent.
  [[nodiscard]] DoubleDouble scaled(int exponent) const {
    if (exponent < -1022 || exponent > 1023) return ordered_sum(std::ldexp(hi, exponent), std::ldexp(lo, exponent));
    const auto power = std::bit_cast<double>(static_cast<std::uint64_t>(1023 + exponent) << 52);
    return ordered_sum(hi * power, lo * power);
  }
  [[nodiscard]] double value() const { return hi + lo; }

  /// Accumulation: of n terms the error is about n^2 2^-106 of the sum of their absolute values.
  void add(double term) { add_compensated(hi, lo, term); }
  void add_product(double a, double b) {
    const double rounded = a * b;
    add(rounded);
    lo += product_error(a, b, rounded);
  }
  void add(const DoubleDouble& other) {
    add(other.hi);
    lo += other.lo;
  }
};

/// Relative errors of the operators are a few units of 2^-106, barring under- and overflow.
inline DoubleDouble operator-(DoubleDouble a) { return {-a.hi, -a.lo}; }
inline DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  DoubleDouble high = DoubleDouble::sum(a.hi, b.hi);
  const DoubleDouble low = DoubleDouble::sum(a.lo, b.lo);
  high = DoubleDouble::ordered_sum(high.hi, high.lo + low.hi);
  return DoubleDouble::ordered_sum(high.hi, high.lo + low.lo);
}
inline DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }
inline DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble high = DoubleDouble::product(a.hi, b.hi);
  return DoubleDouble::ordered_sum(high.hi, high.lo + (a.hi * b.lo + a.lo * b.hi));
}
inline DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
  const double first = a.hi / b.hi;
  const DoubleDouble rest = a - b * first;
  const double second = rest.hi / b.hi, third = (rest - b * second).hi / b.hi;
  return DoubleDouble::ordered_sum(first, second) + third;
}

/// a + b for half the cost: the error is a few units of 2^-106 of |a| + |b|, not of the sum.
[[nodiscard]] inline DoubleDouble fast_sum(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble high = DoubleDouble::sum(a.hi, b.hi);
  return DoubleDouble::ordered_sum(high.hi, high.lo + (a.lo + b.lo));
}
/// a / b with one correction of the rounded quotient instead of two: a few units of 2^-106 more.
[[nodiscard]] inline DoubleDouble fast_quotient(DoubleDouble a, DoubleDouble b) {
  const double quotient = a.hi / b.hi;
  const DoubleDouble rest = fast_sum(a, -(DoubleDouble(quotient) * b));
  return DoubleDouble::ordered_sum(quotient, rest.hi / b.hi);
}

}  // namespace pyrometer::base
