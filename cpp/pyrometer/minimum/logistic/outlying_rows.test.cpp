#include "pyrometer/minimum/logistic/outlying_rows.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace pyrometer::minimum {

TEST_CASE("logits of far larger rows are coordinates") {
  constexpr Index m = 16, p = 2, n = 3;
  std::vector<double> X, y;
  for (Index i = 0; i < m; ++i) {
    X.push_back(std::cos(static_cast<double>(3 * i)));
    X.push_back(std::sin(static_cast<double>(5 * i)));
    y.push_back(i % 2 ? 1.0 : 0.0);
  }
  X[0] = 3e12, X[1] = -1e12, y[0] = 1;
  const data::Rows<double> rows{X.data(), y.data(), m, p, m * p};
  OutlyingRows outlying(rows, true, 2, true);
  REQUIRE(outlying.any());
  CHECK(outlying.rows(rows, 1).rows == m - 1);
  double lost = 0;
  // The large row has the other label on this side, and is far on its own side of the opposite one.
  CHECK_FALSE(outlying.activate({1, 0, 0}, lost));
  CHECK(lost < 1e-15);
  REQUIRE(outlying.activate({-1, 0, 0}, lost));
  REQUIRE(outlying.active() == 1);
  const data::Rows<double> all = outlying.rows(rows, 1);
  REQUIRE(all.rows == m);
  REQUIRE(all.features == n);
  for (Index k = 0; k < m * n; ++k) CHECK(std::abs(all.X[k]) < 10);
  const std::vector<double> phi{0.5, -0.25, 2}, theta = outlying.back(phi, false);
  for (Index i = 0; i < m; ++i) {  // the large row is the last one
    const Index row = (i + 1) % m;
    double logit = theta[2], expected = 0;
    for (Index j = 0; j < p; ++j) logit += X[at(row * p + j)] * theta[at(j)];
    for (Index j = 0; j < n; ++j) expected += all.X[i * n + j] * phi[at(j)];
    CHECK(logit == doctest::Approx(expected).epsilon(row ? 1e-9 : 0.01));
  }
}

TEST_CASE("ordinary rows have none that are far larger") {
  const std::vector<double> X{1, 2, -3, 4, 0, 6, 7, 0}, y{0, 1, 0, 1, 0, 1, 0, 1};
  const data::Rows<double> rows{X.data(), y.data(), 8, 1, 8};
  CHECK_FALSE(OutlyingRows(rows, true, 2, true).any());
}

}  // namespace pyrometer::minimum
