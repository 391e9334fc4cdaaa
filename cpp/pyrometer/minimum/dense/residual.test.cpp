#include "pyrometer/minimum/dense/residual.hpp"

#include <doctest/doctest.h>

using pyrometer::minimum::residual;

TEST_CASE("a residual is accurate under cancellation") {
  const double a[3] = {1e8, 1, -1e8}, b[3] = {1e8 + 1, 1, 1e8};
  CHECK(residual(1e8 + 3, a, b, 3) == 2);  // 1e8 + 3 - (1e16 + 1e8 + 1 - 1e16)
}
