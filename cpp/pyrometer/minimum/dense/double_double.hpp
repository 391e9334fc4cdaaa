// Twice the working precision: unevaluated sums of two doubles (Dekker 1971; Ogita, Rump, Oishi 2005).
#pragma once

#include "pyrometer/base/doubled.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

using base::product_error;

/// hi + lo. Adding a product costs its rounding only at the square of the working precision.
struct Doubled {
  double hi = 0;
  double lo = 0;

  void add(double value) {
    const double sum = hi + value;
    lo += base::sum_error(hi, value, sum);
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
