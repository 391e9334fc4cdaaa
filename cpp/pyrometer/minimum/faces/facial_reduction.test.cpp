#include "pyrometer/minimum/faces/facial_reduction.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "pyrometer/minimum/faces/modular_span.hpp"
#include "pyrometer/minimum/faces/quotient.hpp"
#include "pyrometer/minimum/faces/smallest_point.hpp"
#include "pyrometer/minimum/logistic/logistic.hpp"

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

/// For points of which no more than `size` are independent.
Redundant at_most(Index size) {
  return [size](const std::vector<Index>& points) { return std::ssize(points) <= size ? -1 : std::ssize(points); };
}

}  // namespace

TEST_CASE("double-double arithmetic has 106 bits") {
  const DoubleDouble third = DoubleDouble(1) / 3.0;
  CHECK((third * 3.0 - 1.0).hi == doctest::Approx(0).epsilon(1e-31));
  CHECK(((DoubleDouble(1e16) + 1.0) - 1e16).hi == 1);
  const DoubleDouble tiny = (DoubleDouble(1) + 0x1p-80) * (DoubleDouble(1) - 0x1p-80) - 1.0;
  CHECK(std::abs(tiny.hi) < 0x1p-104);
}

TEST_CASE("the point of smallest norm of a triangle: 0 inside, orthogonal to an edge outside") {
  const std::vector<DoubleDouble> around{1, 0, -0.5, 1, -0.5, -1};
  const SmallestPoint inside = smallest_point(around, 2, at_most(2));
  CHECK(inside.kind == SmallestPoint::Kind::zero);
  CHECK(inside.corral.size() == 3);
  // The edge misses 0 by 1e-15.
  const std::vector<DoubleDouble> beside{DoubleDouble::sum(1, 0), 1e-15, -1, 1e-15, 0, 1};
  const SmallestPoint outside = smallest_point(beside, 2, at_most(2));
  CHECK(outside.kind == SmallestPoint::Kind::separates);
  CHECK(outside.point[1].hi > 0);
}

TEST_CASE("the point of smallest norm of many points separates them, or 0 is a positive combination of its corral") {
  std::mt19937 state(2);
  std::normal_distribution<double> normal;
  int zeros = 0;
  for (int round = 0; round < 300; ++round) {
    const Index size = 2 + static_cast<Index>(state() % 40), count = size + static_cast<Index>(state() % 160);
    const double along = 3 * normal(state);
    std::vector<DoubleDouble> points;
    for (Index k = 0; k < count * size; ++k) points.emplace_back(normal(state) + (k % size == 0 ? along : 0));
    const SmallestPoint found = smallest_point(points, size, at_most(size));
    REQUIRE(found.kind != SmallestPoint::Kind::undecided);
    if (found.kind == SmallestPoint::Kind::separates) {
      for (Index i = 0; i < count; ++i) {
        DoubleDouble product;
        for (Index j = 0; j < size; ++j) product = product + points[at(i * size + j)] * found.point[at(j)];
        CHECK(product.hi > 0);
      }
      continue;
    }
    // Gauss-Jordan elimination of sum_k w_k p_k = 0, sum_k w_k = 1.
    ++zeros;
    const auto width = std::ssize(found.corral);
    std::vector<std::vector<DoubleDouble>> equations;
    for (Index j = 0; j <= size; ++j) {
      auto& row = equations.emplace_back();
      for (const Index k : found.corral) row.push_back(j < size ? points[at(k * size + j)] : DoubleDouble(1));
      row.emplace_back(j < size ? 0 : 1);
    }
    REQUIRE(width <= size + 1);
    for (Index k = 0; k < width; ++k) {
      const auto largest = std::max_element(equations.begin() + k, equations.end(), [&](const auto& a, const auto& b) {
        return std::abs(a[at(k)].hi) < std::abs(b[at(k)].hi);
      });
      std::iter_swap(equations.begin() + k, largest);
      for (Index i = 0; i <= size; ++i) {
        const DoubleDouble factor = equations[at(i)][at(k)] / equations[at(k)][at(k)];
        for (Index j = k; i != k && j <= width; ++j)
          equations[at(i)][at(j)] = equations[at(i)][at(j)] - factor * equations[at(k)][at(j)];
      }
    }
    for (Index i = 0; i <= size; ++i) {
      if (i < width)
        CHECK((equations[at(i)].back() / equations[at(i)][at(i)]).hi > 0);
      else
        CHECK(std::abs(equations[at(i)].back().hi) < 1e-20);
    }
  }
  CHECK((zeros > 50 && zeros < 250));
}

TEST_CASE("nearly dependent points are decided: polynomials that change their sign a few times") {
  std::mt19937 state(3);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int round = 0; round < 40; ++round) {
    const Index size = 6 + round % 12, count = 120;
    const double first = uniform(state), second = uniform(state), third = uniform(state);
    const bool overlap = round % 4 == 3;  // the last point is opposite to the first
    std::vector<DoubleDouble> points;
    for (Index i = 0; i < count; ++i) {
      const double t = overlap && i == count - 1 ? points[1].hi / points[0].hi : uniform(state);
      const bool positive = (t - first) * (t - second) * (t - third) > 0;
      double power = (overlap && i == count - 1 ? points[0].hi < 0 : positive) ? 1 : -1;
      for (Index j = 0; j < size; ++j, power *= t) points.emplace_back(power);
    }
    const SmallestPoint found = smallest_point(points, size, at_most(overlap ? 1 : size));
    REQUIRE(found.kind == (overlap ? SmallestPoint::Kind::zero : SmallestPoint::Kind::separates));
    for (Index i = 0; i < count && !overlap; ++i) {
      DoubleDouble product;
      for (Index j = 0; j < size; ++j) product = product + points[at(i * size + j)] * found.point[at(j)];
      CHECK(product.hi > 0);
    }
  }
}

TEST_CASE(
    "an edge that misses 0 by less than the rounding of the points does not contain it if its ends are independent") {
  const std::vector<DoubleDouble> beside{1, 1e-28, -1, 1e-28, 0, 1};
  const SmallestPoint outside = smallest_point(beside, 2, at_most(2));
  CHECK(outside.kind == SmallestPoint::Kind::separates);
  const SmallestPoint inside = smallest_point(beside, 2, at_most(1));
  CHECK(inside.kind == SmallestPoint::Kind::zero);
}

TEST_CASE("residues of doubles are those of their exact sums and products, whose dependence they show") {
  CHECK(residue_of(-2.5) == product(residue_of(5), residue_of(-0.5)));
  CHECK(sum(residue_of(1e300), residue_of(-1e300)) == 0);
  CHECK(product(residue_of(0x1p-1074), residue_of(-0x1p1023)) == residue_of(-0x1p-51));
  ModularSpan span;
  CHECK(span.add({residue_of(1e20), residue_of(1), residue_of(0.1)}));
  CHECK_FALSE(span.add({residue_of(-3e20), residue_of(-3), product(residue_of(-3), residue_of(0.1))}));
  CHECK(span.add({residue_of(1e20), residue_of(1), residue_of(std::nextafter(0.1, 1))}));
  CHECK(span.contains({residue_of(0), residue_of(0), residue_of(1)}));
  CHECK_FALSE(span.contains({residue_of(1), residue_of(0), residue_of(0)}));
  CHECK(span.rank() == 2);
}

TEST_CASE("the combination of rows that is in a span may have no part of some of them") {
  const auto row = [](double a, double b, double c) {
    return std::vector<Residue>{residue_of(a), residue_of(b), residue_of(c)};
  };
  ModularSpan span;
  CHECK(span.redundant({row(1, 0, 0), row(0, 1, 0), row(1, 1, 1e30)}) == -1);
  CHECK(span.redundant({row(1, 0, 0), row(0, 1, 0), row(1, 1e-30, 0)}) == 3);
  CHECK(span.redundant({row(1, 0, 0), row(0, 1, 0), row(1, 0, 0), row(0, 0, 1)}) == 1);
  span.add(row(0, 1e30, 1));
  CHECK(span.redundant({row(1, 0, 0), row(0, 1, 0), row(0, 2e30, 2)}) == 0);
  CHECK(span.redundant({row(1, 0, 0), row(1, 1e30, 1)}) == 2);
}

TEST_CASE("residues of powers of two differ") {
  std::vector<Residue> all;
  for (int k = -1074; k < 1024; ++k) all.push_back(residue_of(std::ldexp(1.0, k)));
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("representatives modulo a span are the result of elimination") {
  Quotient quotient(3);
  quotient.add({3, 1, 0}, -1);
  std::vector<DoubleDouble> same{0.75, 0.25, 0}, other{0, 1, 0};
  CHECK_FALSE(quotient.represent(same));
  CHECK(quotient.represent(other));
  std::vector<DoubleDouble> direction{0, 1, 0};
  quotient.complete(direction);
  CHECK(std::abs((direction[0] * 3.0 + direction[1]).hi) < 1e-31);
}

TEST_CASE("sums of rows are in their span, whose basis has rounding errors; small true remainders are not") {
  std::mt19937 state(4);
  const auto integer = [&](int most) {
    return static_cast<double>(static_cast<int>(state() % at(2 * most + 1)) - most);
  };
  int kept = 0;
  for (int round = 0; round < 400; ++round) {
    const Index size = 4 + round % 9, rank = size - 1 - round % 3;
    // Two columns of each row nearly agree, so that representatives are small.
    const double near = std::ldexp(1.0, -8 - round % 17);
    std::vector<std::vector<DoubleDouble>> rows(at(rank));
    Quotient quotient(size);
    for (auto& row : rows) {
      for (Index j = 0; j < size; ++j) row.emplace_back(integer(5));
      row[1] = row[0] * 1.125 + integer(5) * near;
      quotient.add(row, -1);
    }
    for (int sum = 0; sum < 20; ++sum) {
      std::vector<DoubleDouble> row(at(size));
      for (const auto& one : rows) {
        const double factor = integer(3);
        for (std::size_t j = 0; j < row.size(); ++j) row[j] = row[j] + one[j] * factor;
      }
      CHECK(quotient.contains(row));
      CHECK_FALSE(quotient.represent(row));
    }
    std::vector<DoubleDouble> beside = rows[0];
    const auto free = at(size - 1);
    beside[free] = beside[free] + 0x1p-50;
    const bool in = quotient.contains(beside);
    if (!quotient.pivot(size - 1)) CHECK_FALSE(in);
    kept += in ? 0 : 1;
  }
  CHECK(kept > 380);
}

TEST_CASE("overlapping rows are kept, rows outside their span are separated") {
  // Two rows with both labels, and two that a direction across them separates.
  const std::vector<double> X{1, 2, 1, 2, 3, 1, 4, 0}, y{0, 1, 1, 1};
  const Face face = face_of({X.data(), y.data(), 4, 2, 8}, true, {true, true, true}, {}, 1);
  REQUIRE(face.certain);
  std::vector<bool> separated(4, false);
  for (const Separated& part : face.separated)
    for (const Index i : part.rows) separated[at(i)] = true;
  CHECK(separated == std::vector<bool>{false, false, true, true});
  CHECK(face.independent.size() == 1);
}

TEST_CASE("rows that are known to overlap leave the same face, unless they have another dimension") {
  std::mt19937 state(3);
  for (int round = 0; round < 50; ++round) {
    // Both labels in each of the groups 1 to 4, label 1 alone where all indicators are 0.
    const Index groups = 5, each = 6, m = groups * each, p = groups;
    std::vector<double> X(at(m * p), 0.0), y(at(m));
    Overlap known{{}, p};
    for (Index i = 0; i < m; ++i) {
      const Index group = i / each;
      if (group > 0) X[at(i * p + group - 1)] = 1, known.rows.push_back(i);
      X[at(i * p + p - 1)] = static_cast<double>(i % each / 2);
      y[at(i)] = group == 0 ? 1 : static_cast<double>(i % 2);
    }
    std::shuffle(known.rows.begin(), known.rows.end(), state);
    known.rows.resize(known.rows.size() - at(round % 3));
    std::sort(known.rows.begin(), known.rows.end());
    const data::Rows<double> rows{X.data(), y.data(), m, p, m * p};
    const std::vector<bool> used(at(p + 1), true);
    const Face all = face_of(rows, true, used, {}, 1), rest = face_of(rows, true, used, {}, 1, known);
    REQUIRE((all.certain && rest.certain));
    REQUIRE((all.separated.size() == 1 && rest.separated.size() == 1));
    CHECK(rest.separated[0].rows == all.separated[0].rows);
    CHECK(std::ssize(rest.separated[0].rows) == each);
    CHECK(rest.dimension == all.dimension);
    for (const Index other : {p - 1, p + 1}) {
      known.dimension = other;
      CHECK_FALSE(face_of(rows, true, used, {}, 1, known).certain);
    }
  }
}

TEST_CASE("rows that single columns separate are found by comparisons, also by columns that depend on others") {
  // The second column is seen by one label only; the third is the sum of the others.
  const std::vector<double> X{1, 0, 1, 1, 0, 1, 2, 5, 7, 3, 6, 9}, y{0, 1, 1, 1};
  const data::Rows<double> rows{X.data(), y.data(), 4, 3, 12};
  std::vector<Index> remaining;
  for (const bool intercept : {false, true}) {
    const Face face = face_of_columns(rows, intercept, remaining);
    CHECK_FALSE(face.certain);
    CHECK(remaining == std::vector<Index>{0, 1});
    CHECK(separated_by_column(rows, intercept, 1));
    CHECK(separated_by_column(rows, intercept, 0));
  }
  CHECK_FALSE(separated_by_column({X.data(), y.data(), 2, 3, 6}, true, 1));  // columns that are constant
}

TEST_CASE("numbers of any magnitude give a finite result or std::invalid_argument") {
  std::mt19937 state(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int round = 0; round < 300; ++round) {
    const Index m = 1 + static_cast<Index>(state() % 40), p = 1 + static_cast<Index>(state() % 5);
    std::vector<double> X(at(m * p)), y(at(m));
    const double reach = round % 3 == 0 ? 320 : round % 3 == 1 ? 150 : 20;
    for (double& x : X) x = std::clamp(uniform(state) * std::pow(10.0, reach * uniform(state)), -1e308, 1e308);
    for (double& label : y) label = uniform(state) > 0 ? 1 : 0;
    std::vector<double> value(1), parameters(at(p + 1)), gap(1), error(at(p + 1));
    bool attained = false;
    std::vector<Index> rank(1), evaluations(1);
    const LabelledRows<double> rows{X.data(), y.data(), 1, m, p, true};
    try {
      logistic(rows, 1, {value, parameters, gap, {&attained, 1}, error, rank, evaluations});
    } catch (const std::invalid_argument&) {
      continue;
    }
    CHECK((value[0] >= 0 && value[0] < 0.6932));
    CHECK((gap[0] >= 0 && std::isfinite(gap[0])));
    for (const double theta : parameters) CHECK(std::isfinite(theta));
    for (const double bound : error) CHECK(bound >= 0);
  }
}
