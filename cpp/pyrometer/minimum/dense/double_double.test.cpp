#include "pyrometer/minimum/dense/double_double.hpp"

#include <doctest/doctest.h>

using pyrometer::minimum::Doubled;
using pyrometer::minimum::product_error;
using pyrometer::minimum::residual;

TEST_CASE("the error of a product is exact") {
  const double a = 1 + 0x1p-30, b = 1 + 0x1p-29;  // the product has a bit at 2^-59
  CHECK(product_error(a, b, a * b) == 0x1p-59);
  CHECK(product_error(3, 5, 15) == 0);
  const double c = -1.1, d = 0.7;
  const long double exact = static_cast<long double>(c) * d;
  if (sizeof(long double) > sizeof(double))
    CHECK(product_error(c, d, c * d) == doctest::Approx(static_cast<double>(exact - c * d)));
}

TEST_CASE("sums keep what cancels") {
  Doubled sum{1e16, 0};
  sum.add(1);
  sum.add(-1e16);
  CHECK(sum.value() == 1);
  const double a[3] = {1e8, 1, -1e8}, b[3] = {1e8 + 1, 1, 1e8};
  CHECK(residual(1e8 + 3, a, b, 3) == 2);  // 1e8 + 3 - (1e16 + 1e8 + 1 - 1e16)
}
