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

TEST_CASE("large rows of several classes, each with one left out") {
  constexpr Index m = 18, p = 2, n = 3, classes = 3;
  std::vector<double> X, y;
  for (Index i = 0; i < m; ++i) {
    X.push_back(std::cos(static_cast<double>(3 * i)));
    X.push_back(std::sin(static_cast<double>(5 * i)));
    y.push_back(static_cast<double>(i % 3));
  }
  X[0] = 3e12;  // of class 0
  X[3] = 2e12;  // of class 1
  const data::Rows<double> rows{X.data(), y.data(), m, p, m * p};
  OutlyingRows outlying(rows, true, classes, false);
  REQUIRE(outlying.any());
  CHECK(outlying.few());
  CHECK(outlying.apart());
  REQUIRE(outlying.rows(rows, 1).rows == m - 2);
  double lost = 0;
  // Logits of the first row: 0, more, far less; of the second: far less, 0, more; of classes 0, 1, 2.
  REQUIRE(outlying.activate({1, -1, 0, 2, 0, 0}, lost));
  outlying.arrange();
  REQUIRE(outlying.active() == 2);
  REQUIRE(outlying.classes() == classes + 1);
  const std::vector<Index> free = outlying.free();
  REQUIRE(std::ssize(free) == n * (classes - 1));
  const data::Rows<double> all = outlying.rows(rows, 1);
  REQUIRE(all.rows == m);
  for (Index k = 0; k < m * n; ++k) CHECK(std::abs(all.X[k]) < 10);
  Index left_out = 0;
  for (Index k = 0; k < m * (classes + 1); ++k) left_out += outlying.allowed()[k] == 0;
  CHECK(left_out == m + 2);
  std::vector<double> phi(at(classes * n), 0.0);
  for (const Index k : free) phi[at(k)] = std::cos(static_cast<double>(k + 1));
  const std::vector<double> theta = outlying.back(phi, false);
  REQUIRE(std::ssize(theta) == (classes - 1) * n);
  for (Index i = 2; i < m; ++i)  // the large rows are the last ones
    for (Index c = 0; c + 1 < classes; ++c) {
      double logit = theta[at(c * n + p)], expected = 0;
      for (Index j = 0; j < p; ++j) logit += X[at(i * p + j)] * theta[at(c * n + j)];
      for (Index j = 0; j < n; ++j) expected += all.X[(i - 2) * n + j] * (phi[at(c * n + j)] - phi[at(2 * n + j)]);
      CHECK(logit == doctest::Approx(expected).epsilon(1e-9));
    }
  // Where no minimum was found the same point is the start in other coordinates.
  REQUIRE(outlying.retry(phi, true));
  const std::vector<double> again = outlying.start();
  static_cast<void>(outlying.rows(rows, 1));
  const std::vector<double> same = outlying.back(again, false);
  for (std::size_t k = 0; k < theta.size(); ++k) CHECK(same[k] == doctest::Approx(theta[k]).epsilon(1e-9));
}

TEST_CASE("ordinary rows have none that are far larger") {
  const std::vector<double> X{1, 2, -3, 4, 0, 6, 7, 0}, y{0, 1, 0, 1, 0, 1, 0, 1};
  const data::Rows<double> rows{X.data(), y.data(), 8, 1, 8};
  CHECK_FALSE(OutlyingRows(rows, true, 2, true).any());
}

}  // namespace pyrometer::minimum
