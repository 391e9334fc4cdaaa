#include "pyrometer/minimum/faces/elimination.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace pyrometer;
using namespace pyrometer::minimum;

TEST_CASE("rows are combinations of their pivots, in coordinates of their own sizes") {
  // The third row is the sum of the others, of which the first is 1e15 times larger.
  const std::vector<double> numbers{1e15, 3e15, -2e15, 1, 2, 0, 1e15 + 1, 3e15 + 2, -2e15};
  std::vector<DoubleDouble> rows(numbers.begin(), numbers.end());
  const Elimination elimination(rows, 3, {1, 1, 1});
  REQUIRE(elimination.rank() == 2);
  for (const DoubleDouble& x : elimination.lower()) CHECK(std::abs(x.hi) <= 1);
  const std::vector<double> phi = elimination.coordinates({27, 0.5, 27.5}), theta = elimination.solution(phi);
  for (std::size_t i = 0; i < 3; ++i) {
    DoubleDouble margin, by_rows;
    for (std::size_t k = 0; k < 2; ++k) margin = margin + elimination.lower()[2 * i + k] * phi[k];
    for (std::size_t j = 0; j < 3; ++j) by_rows = by_rows + DoubleDouble(numbers[3 * i + j]) * theta[j];
    CHECK(margin.hi == doctest::Approx(i == 0 ? 27 : i == 1 ? 0.5 : 27.5));
    CHECK(by_rows.hi == doctest::Approx(margin.hi).epsilon(0.05));  // theta is rounded
  }
}

TEST_CASE("combinations of rows are recognised") {
  const std::vector<DoubleDouble> rows{1.0, 1e8, 3e-9, 0.5, -2.0, 1e3};
  const Elimination elimination(rows, 3, {1, 1e-8});
  std::vector<DoubleDouble> sum, other;
  for (std::size_t j = 0; j < 3; ++j) {
    sum.push_back(rows[j] * 3.0 - rows[3 + j]);
    other.push_back(sum.back() + (j == 2 ? 1e-9 : 0.0));
  }
  const auto found = elimination.combination(sum);
  REQUIRE(found);
  CHECK(found->size() == 2);
  CHECK_FALSE(elimination.combination(other));
}
