// Twice the working precision: unevaluated sums of two doubles (Dekker 1971; Ogita, Rump, Oishi 2005).
#pragma once

#include <cmath>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

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

/// hi + lo. Adding a product costs its rounding only at the square of the working precision.
struct Doubled {
  double hi = 0;
  double lo = 0;

  void add(double value) {
    const double sum = hi + value, part = sum - hi;
    lo += (hi - (sum - part)) + (value - part);
    hi = sum;
  }
  void add_product(double a, double b) {
    const double product = a * b;
    add(product);
    lo += product_error(a, b, product);
  }
  void add(const Doubled& other) {
    add(other.hi);
    lo += other.lo;
  }
  [[nodiscard]] double value() const { return hi + lo; }
};

/// y - a . b, rounded once.
inline double residual(double y, const double* a, const double* b, Index size) {
  Doubled sum{y, 0};
  for (Index i = 0; i < size; ++i) sum.add_product(-a[i], b[i]);
  return sum.value();
}

}  // namespace pyrometer::minimum
