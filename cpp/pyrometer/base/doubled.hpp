// Error-free transformations and sums of two doubles (Dekker 1971; Knuth 1969; Joldes, Muller, Popescu 2017).
#pragma once

namespace pyrometer::base {

/// The error of the rounded product a * b, exactly (barring under- and overflow).
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

/// The error of the rounded sum a + b, exactly (barring overflow).
inline double sum_error(double a, double b, double sum) {
  const double part = sum - a;
  return (a - (sum - part)) + (b - part);
}

/// The number hi + lo with |lo| at most half an ulp of hi: about 106 bits.
struct Pair {
  double hi = 0;
  double lo = 0;

  /// hi + lo rounded to such a pair, for |hi| not below |lo|.
  static Pair of(double hi, double lo) {
    const double sum = hi + lo;
    return {sum, lo - (sum - hi)};
  }
  static Pair sum(double a, double b) {
    const double s = a + b;
    return {s, sum_error(a, b, s)};
  }
  static Pair product(double a, double b) {
    const double p = a * b;
    return {p, product_error(a, b, p)};
  }

  friend Pair operator-(const Pair& a) { return {-a.hi, -a.lo}; }
  /// Errors of a few units of 2^-106: relative to |a| + |b| for a sum, to the result for product and quotient.
  friend Pair operator+(const Pair& a, const Pair& b) {
    const Pair high = sum(a.hi, b.hi);
    return of(high.hi, high.lo + (a.lo + b.lo));
  }
  friend Pair operator*(const Pair& a, const Pair& b) {
    const Pair high = product(a.hi, b.hi);
    return of(high.hi, high.lo + (a.hi * b.lo + a.lo * b.hi));
  }
  friend Pair operator/(const Pair& a, const Pair& b) {
    const double q = a.hi / b.hi;
    const Pair rest = a + -(Pair{q, 0} * b);
    return of(q, rest.hi / b.hi);
  }
};

}  // namespace pyrometer::base
