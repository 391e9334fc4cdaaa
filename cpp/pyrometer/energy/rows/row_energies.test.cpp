#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "pyrometer/energy/rows/cosine_series.hpp"
#include "pyrometer/energy/rows/log_sum_exp.hpp"
#include "pyrometer/energy/rows/normal_rows.hpp"
#include "pyrometer/energy/rows/symmetric_sum.hpp"
#include "pyrometer/energy/rows/uniform_rows.hpp"
#include "pyrometer/energy/rows/vertex_tree.hpp"

namespace energy = pyrometer::energy;
using pyrometer::at;
using pyrometer::Index;

TEST_CASE("means of norms do not read beyond the matrix, do not mix rows and do not depend on other laws") {
  for (const Index features : {1, 3, 8, 13})
    for (const Index rows : {1, 8, 27, 150}) {
      const Index laws = 70;
      std::vector<double> X(at(rows * features)), scales(at(laws * (features + 1))), together(at(laws));
      for (std::size_t i = 0; i < X.size(); ++i) X[i] = std::sin(static_cast<double>(i));
      for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = 1.0 / static_cast<double>(1 + i);
      const auto norms = [&](const double* v, Index count, double* mean) {
        energy::normal_rows<double>(X.data(), nullptr, 1, rows, features, true, energy::RowLoss::norm,
                                    {v, count, features + 1}, 1, mean, nullptr);
      };
      norms(scales.data(), laws, together.data());
      for (const Index law : {Index{0}, Index{1}, laws - 1}) {
        const double* v = scales.data() + law * (features + 1);
        double sum = 0, alone = 0;
        for (Index i = 0; i < rows; ++i) {
          double square = v[features] * v[features];
          for (Index j = 0; j < features; ++j) square += std::pow(v[j] * X[at(i * features + j)], 2);
          sum += std::sqrt(square);
        }
        norms(v, 1, &alone);
        CHECK(alone == doctest::Approx(sum / static_cast<double>(rows)).epsilon(1e-14));
        CHECK(alone == together[at(law)]);
      }
    }
}

TEST_CASE("sinc_products equals the product of sin(u) / u") {
  const Index features = 8, terms = 40;
  std::vector<double> theta(features * energy::kSeriesLanes), product(terms * energy::kSeriesLanes);
  for (std::size_t i = 0; i < theta.size(); ++i) theta[i] = 1.5 * std::fabs(std::sin(static_cast<double>(i)));
  theta[3] = 0.0;
  theta[4] = 1e-9;
  energy::sinc_products(theta.data(), features, terms, product.data());
  for (Index i = 0; i < terms; ++i)
    for (Index lane = 0; lane < energy::kSeriesLanes; ++lane) {
      double expected = 1;
      for (Index j = 0; j < features; ++j) {
        const double angle = static_cast<double>(2 * i + 1) * theta[at(j * 8 + lane)];
        expected *= angle > 0 ? std::sin(angle) / angle : 1.0;
      }
      CHECK(std::fabs(product[at(i * 8 + lane)] - expected) < 1e-14);
    }
}

TEST_CASE("one and two uniform variables agree with their closed forms") {
  energy::VertexTree tree;
  for (const double a : {1e-12, 1.0, 3e7})
    for (const double c : {0.0, 0.2, 0.49}) {
      std::vector<double> lengths{0.0, a};
      const double exact = a * (c * c + 0.25);
      const energy::TreeValue one = tree.mean_absolute(c * a, lengths, 0, 0);
      CHECK(std::fabs(one.value - exact) <= one.bound);
      CHECK(one.bound < 1e-13 * exact);
      CHECK(one.slope == doctest::Approx(a * (0.25 - c * c)));
    }
  std::vector<double> lengths{2.0, 6.0};
  CHECK(tree.mean_absolute(0, lengths, 0, 0).value == doctest::Approx((64.0 - 8.0) * 2 / (6 * 12.0)).epsilon(1e-15));
}

TEST_CASE("the approximate tail point is not below the exact one") {
  for (const double variance : {1e-6, 0.1, 3.0, 50.0, 1e6})
    for (const double deviation : {0.0, 0.5, 20.0})
      for (const double logistic : {0.0, 1.0}) {
        const energy::Reach sum{variance, 10 * std::sqrt(variance), deviation, logistic};
        const double x = energy::quick_tail_point(sum), size = energy::kCut * sum.scale(0);
        // For any other lambda the bound may not exceed the tolerance by more than its own slack.
        CHECK(energy::log_tail(sum, 1, x) < std::log(size) + 1.5);
        CHECK(x > 0.95 * energy::tail_point(sum, 1, std::log(size)));
      }
}

TEST_CASE("bounds of the logarithm from the bits are bounds") {
  for (double z = 1e-3; z < 1e6; z *= 1.0123) {
    CHECK(energy::log_below(z) <= std::log(z) + 1e-12);
    CHECK(energy::log_above(z) >= std::log(z));
    CHECK(energy::log_above(z) - energy::log_below(z) < 0.087);
  }
}

TEST_CASE("the mean of ln sum exp tends to ln C and to the mean of the maximum") {
  for (const Index classes : {2, 3, 10, 1000}) {
    const energy::LogSumExp& mean = energy::LogSumExp::of(classes);
    const double count = static_cast<double>(classes);
    const std::vector<double> s{0, 1e-3, 1, 1e9};
    std::vector<double> value(4), slope(4);
    mean(s, value, slope);
    CHECK(value[0] == doctest::Approx(std::log(count)).epsilon(1e-15));
    CHECK(value[1] - value[0] == doctest::Approx(0.5e-6 * (1 - 1 / count)).epsilon(1e-6));
    CHECK(slope[1] == doctest::Approx(1e-6 * (1 - 1 / count)).epsilon(1e-5));
    CHECK(value[3] == doctest::Approx(1e9 * mean.maximum()).epsilon(1e-14));
    CHECK(slope[3] == doctest::Approx(1e9 * mean.maximum()).epsilon(1e-13));
  }
  CHECK(energy::LogSumExp::of(3).maximum() == doctest::Approx(1.5 / std::sqrt(std::acos(-1.0))).epsilon(1e-15));
  CHECK_THROWS_AS(energy::LogSumExp::of(1), std::invalid_argument);
}

TEST_CASE("weights are factors of the terms, of their bounds and of their slopes") {
  const Index rows = 70, features = 3;
  std::vector<double> X, y, weights(at(rows), 0.0);
  for (Index i = 0; i < rows * features; ++i) X.push_back(std::sin(static_cast<double>(i)));
  for (Index i = 0; i < rows; ++i) y.push_back(std::cos(static_cast<double>(i)));
  const Index chosen[] = {0, 33, 69};
  for (const Index i : chosen) weights[at(i)] = static_cast<double>(rows) / 3;
  const double scale[] = {0.5, 1.0, 2.0};
  for (const auto loss : {energy::RowLoss::norm, energy::RowLoss::absolute, energy::RowLoss::cross_entropy}) {
    double weighted[4], one[4], sum[4]{};
    const auto normal = [&](const double* x, const double* t, Index m, const double* w, double* out) {
      energy::normal_rows<double>(x, t, 1, m, features, false, loss, {scale, 1, features}, 1, out, out + 1, w);
    };
    const auto uniform = [&](const double* x, const double* t, Index m, const double* w, double* out) {
      energy::uniform_rows<double>(x, t, 1, m, features, false, loss, {{scale, 1, features}, Index{1}}, 1, out, out + 1,
                                   out + 2, out + 3, w);
    };
    normal(X.data(), y.data(), rows, weights.data(), weighted);
    for (const Index i : chosen) {
      normal(X.data() + i * features, y.data() + i, 1, nullptr, one);
      for (int k = 0; k < 2; ++k) sum[k] += one[k] / 3;
    }
    for (int k = 0; k < 2; ++k) CHECK(weighted[k] == doctest::Approx(sum[k]).epsilon(1e-14));
    std::fill(sum, sum + 4, 0.0);
    uniform(X.data(), y.data(), rows, weights.data(), weighted);
    for (const Index i : chosen) {
      uniform(X.data() + i * features, y.data() + i, 1, nullptr, one);
      for (int k = 0; k < 4; ++k) sum[k] += one[k] / 3;
    }
    CHECK(weighted[0] == doctest::Approx(sum[0]).epsilon(1e-14));
    CHECK(weighted[2] == doctest::Approx(sum[2]).epsilon(1e-13));
    CHECK(weighted[1] >= 0.9 * sum[1]);
    CHECK(weighted[1] <= 1.1 * sum[1] + 1e-15 * sum[0]);
  }
}
