#include "pyrometer/base/double_double.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using pyrometer::base::DoubleDouble;
using pyrometer::base::product_error;

TEST_CASE("the error of a product is exact") {
  const double a = 1 + 0x1p-30, b = 1 + 0x1p-29;  // the product has a bit at 2^-59
  CHECK(product_error(a, b, a * b) == 0x1p-59);
  CHECK(product_error(3, 5, 15) == 0);
  const double c = -1.1, d = 0.7;
  const long double exact = static_cast<long double>(c) * d;
  if (sizeof(long double) > sizeof(double))
    CHECK(product_error(c, d, c * d) == doctest::Approx(static_cast<double>(exact - c * d)));
}

TEST_CASE("accumulated sums are accurate under cancellation") {
  DoubleDouble sum = 1e16;
  sum.add(1);
  sum.add(-1e16);
  CHECK(sum.value() == 1);
}

TEST_CASE("operations have about 106 bits") {
  const DoubleDouble third = DoubleDouble(1) / 3, rough = pyrometer::base::fast_quotient(1, 3);
  for (const DoubleDouble& x : {third, rough}) {
    const DoubleDouble error = x * 3 - 1;
    CHECK(std::abs(error.hi) < 0x1p-102);
    CHECK(std::abs(x.lo) <= 0x1p-54 * std::abs(x.hi));
  }
  // 2^-80 survives beside 1, and the difference of two such numbers is exact.
  const DoubleDouble near = DoubleDouble::sum(1, 0x1p-80);
  CHECK((near - 1).hi == 0x1p-80);
  CHECK(fast_sum(near, -1).hi == 0x1p-80);
  CHECK(near.scaled(3).value() == 8);
  CHECK(near.scaled(3).lo == 0x1p-77);
}
