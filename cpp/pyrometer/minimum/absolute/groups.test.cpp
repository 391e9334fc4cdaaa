#include "pyrometer/minimum/absolute/groups.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "pyrometer/minimum/absolute/least_absolute.hpp"

namespace {

using namespace pyrometer;
using namespace pyrometer::minimum;

// Pseudo-random 0, 1 or 2.
struct Digits {
  std::uint64_t state = 1;
  double operator()() {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>((state >> 40) % 3);
  }
};

}  // namespace

TEST_CASE("least absolute deviations: duplicated rows are counted, for every sample and sign of zero") {
  constexpr Index kRows = 40000;
  Digits digit;
  absolute::Vec X(kRows), y(kRows), centre(2);
  for (Index i = 0; i < kRows; ++i) X[at(i)] = (i % 2 == 0 ? -1 : 1) * digit(), y[at(i)] = digit();
  const absolute::TableOf<double> table(X.data(), y.data(), kRows, 1, true, centre.data());
  for (const absolute::Indices& sample : {absolute::Indices{}, absolute::Indices{5, 17, 3000}}) {
    const auto groups = group(table, sample, {1, false});
    REQUIRE(groups.has_value());
    CHECK(groups->first.size() == 15);
    for (std::size_t g = 0; g < groups->first.size(); ++g) {
      const std::size_t row = at(groups->first[g]);
      double copies = 0;
      for (std::size_t i = 0; i < X.size(); ++i) copies += X[i] == X[row] && y[i] == y[row] ? 1 : 0;
      CHECK(groups->count[g] == copies);
    }
  }
  for (Index i = 0; i < kRows; ++i) y[at(i)] = static_cast<double>(i);
  CHECK_FALSE(group(table, {}, {1, false}).has_value());
}

TEST_CASE("least absolute deviations: the minimum of many duplicates equals that of few weighted rows") {
  constexpr Index kRows = 50000;
  for (const Index p : {Index{0}, Index{1}, Index{5}}) {
    Digits digit;
    absolute::Vec X(at(kRows * p)), y(kRows);
    for (double& x : X) x = digit() / 3;
    for (double& value : y) value = digit() - 0.1;
    double value = 0, gap = 0, least = INFINITY;
    absolute::Vec theta(at(p + 1));
    Index rank = 0;
    least_absolute(X.data(), y.data(), 1, kRows, p, true, 2, &value, theta.data(), &gap, &rank);
    CHECK(rank == p);
    CHECK(gap <= 1e-12);
    double reached = 0;
    for (Index i = 0; i < kRows; ++i) {
      double r = y[at(i)] - theta[at(p)];
      for (Index j = 0; j < p; ++j) r -= X[at(i * p + j)] * theta[at(j)];
      reached += std::abs(r) / kRows;
    }
    CHECK(reached == doctest::Approx(value).epsilon(1e-12));
    // Constants, of which the best is a target.
    for (const double constant : {-0.1, 0.9, 1.9}) {
      double energy = 0;
      for (const double target : y) energy += std::abs(target - constant) / kRows;
      least = std::min(least, energy);
    }
    CHECK(value <= least + gap);
    if (p == 0) CHECK(value == doctest::Approx(least).epsilon(1e-12));
  }
}
