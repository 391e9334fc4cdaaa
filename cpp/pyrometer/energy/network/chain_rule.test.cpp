#include "pyrometer/energy/network/chain_rule.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "pyrometer/energy/network/chain_unit.hpp"

using namespace pyrometer;
using energy::Rule;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Rule sum_by_powering(const Rule& one, Index count, std::size_t size, double c) {
  return energy::sums_by_powering({&one, 1}, count, size, {&c, 1})[0];
}

Rule sum_by_cumulants(const Rule& one, Index count, std::size_t size) {
  return energy::sums_by_cumulants({&one, 1}, count, size)[0];
}

double raw(const Rule& rule, int power) {
  double sum = 0;
  for (std::size_t i = 0; i < rule.size(); ++i) sum += rule.weight[i] * std::pow(rule.point[i], power);
  return sum;
}

// E q^k of a chi-square number with `degrees` degrees of freedom.
double chi_square(double degrees, int power) {
  double product = 1;
  for (int i = 0; i < power; ++i) product *= degrees + 2 * i;
  return product;
}

const Rule& square_of_normal() {
  static const Rule rule = energy::squared_unit(model::Activation::identity, 1, 0.08);
  return rule;
}

}  // namespace

TEST_CASE("the quadrature over one unit has the moments of a squared normal number") {
  for (int power = 0; power <= 7; ++power)
    CHECK(raw(square_of_normal(), power) == doctest::Approx(chi_square(1, power)).epsilon(1e-13));
}

TEST_CASE("a compressed rule in q reproduces 2 K moments, with points inside the support") {
  const Rule rule = energy::compressed(square_of_normal(), 6, kInfinity);
  CHECK(rule.size() == 6);
  for (int power = 0; power <= 11; ++power)
    CHECK(raw(rule, power) == doctest::Approx(raw(square_of_normal(), power)).epsilon(1e-11));
  CHECK(std::abs(raw(rule, 12) / chi_square(1, 12) - 1) > 1e-4);
}

TEST_CASE("a rule has the same bits alone and among others") {
  const std::vector<double> scales(5, 0.3);
  for (const Index count : {1, 2, 7, 33}) {
    std::vector<Rule> ones;
    for (const double variance : {1e-3, 0.5, 1.0, 7.0, 1e3})
      ones.push_back(energy::squared_unit(model::Activation::silu, variance, 0.08));
    for (Rule& one : ones) one.point.resize(100), one.weight.resize(100);
    const std::vector<Rule> together = energy::sums_by_powering(ones, count, 14, scales);
    for (std::size_t i = 0; i < ones.size(); ++i) {
      const Rule alone = sum_by_powering(ones[i], count, 14, scales[i]);
      CHECK(alone.point == together[i].point);
      CHECK(alone.weight == together[i].weight);
    }
  }
}

TEST_CASE("sums of squared normals are chi-square, by powering and by cumulants") {
  for (const Index count : {1, 2, 3, 7, 64, 100, 1000})
    for (int power = 0; power <= 9; ++power) {
      const double expected = chi_square(static_cast<double>(count), power);
      CHECK(raw(sum_by_powering(square_of_normal(), count, 5, kInfinity), power) ==
            doctest::Approx(expected).epsilon(1e-9));
      if (count >= 64)
        CHECK(raw(sum_by_cumulants(square_of_normal(), count, 5), power) == doctest::Approx(expected).epsilon(1e-9));
    }
}

TEST_CASE("a rule with a scale c is accurate far below the mean") {
  // E 1 / (1 + q / c) of the sum of three uniform atoms 0 and 1: (1 + 3/(1 + 1/c) + 3/(1 + 2/c) + 1/(1 + 3/c)) / 8.
  const double c = 1e-6;
  const Rule coin{{0, 1}, {0.5, 0.5}};
  const Rule rule = sum_by_powering(coin, 3, 4, c);
  double sum = 0;
  for (std::size_t i = 0; i < rule.size(); ++i) sum += rule.weight[i] / (1 + rule.point[i] / c);
  CHECK(sum == doctest::Approx((1 + 3 / (1 + 1 / c) + 3 / (1 + 2 / c) + 1 / (1 + 3 / c)) / 8).epsilon(1e-12));
}

TEST_CASE("a distribution of one point stays one point") {
  const Rule certain{{0.25}, {1}};
  for (const Rule& rule : {sum_by_powering(certain, 10, 8, 1.0), sum_by_cumulants(certain, 10, 8)}) {
    CHECK(rule.size() == 1);
    CHECK(rule.point[0] == doctest::Approx(2.5).epsilon(1e-15));
  }
}
