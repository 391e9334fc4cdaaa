#include "pyrometer/minimum/softmax/softmax.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "pyrometer/minimum/softmax/evaluator.hpp"
#include "pyrometer/minimum/softmax/faces.hpp"

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

struct Solved {
  double value, gap;
  bool attained;
  std::vector<double> parameters;
  Index evaluations = 0;
};

Solved solve(const std::vector<double>& X, const std::vector<double>& y, Index features, Index classes, int threads) {
  const RowsOfClasses<double> data{X.data(), y.data(), 1, std::ssize(y), features, classes, true};
  Solved out{0, 0, false, std::vector<double>(at(classes * (features + 1)))};
  std::vector<Index> counts(2);
  softmax(data, threads,
          SoftmaxMinima{{&out.value, 1},
                        out.parameters,
                        {&out.gap, 1},
                        {&out.attained, 1},
                        {counts.data(), 1},
                        {counts.data() + 1, 1}});
  out.evaluations = counts[1];
  return out;
}

// Rows whose classes depend on the features, and some that do not follow.
void make(Index rows, Index features, Index classes, std::vector<double>& X, std::vector<double>& y) {
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < features; ++j)
      X.push_back(std::sin(static_cast<double>((i * features + j) * (i + 7 * j)) * 1.7));
    const double score = X[at(i * features)] + std::cos(static_cast<double>(i) * 2.3);
    y.push_back(static_cast<double>(static_cast<Index>((score + 2) * 10) % classes));
  }
}

}  // namespace

TEST_CASE("where few rows are separated, few evaluations find the infimum: the entropy of the labels of the others") {
  for (const Index rows : {300, 30000}) {
    std::vector<double> X, y;
    double entropy = 0;
    for (Index i = 0; i < rows; ++i) {
      const bool rare = i % (rows / 4) == 1;  // of class 0
      X.push_back(rare ? 1 : 0);
      y.push_back(rare ? 0 : static_cast<double>(i % 3));
    }
    const double others = static_cast<double>(rows - 4);
    for (Index c = 0; c < 3; ++c) {
      double count = 0;
      for (Index i = 0; i < rows; ++i) count += X[at(i)] == 0 && y[at(i)] == static_cast<double>(c) ? 1 : 0;
      entropy -= count * std::log(count / others) / static_cast<double>(rows);
    }
    const Solved solved = solve(X, y, 1, 3, 1);
    CHECK_FALSE(solved.attained);
    CHECK(std::abs(solved.value - entropy) <= solved.gap);
    CHECK(solved.gap <= 1e-12 * solved.value);
    CHECK(solved.evaluations <= 20);
  }
}

TEST_CASE("the minimum of the softmax cross entropy is that of its energies, on any number of threads") {
  for (const Index classes : {3, 7}) {
    std::vector<double> X, y;
    make(3000, 4, classes, X, y);
    const Solved solved = solve(X, y, 4, classes, 1), again = solve(X, y, 4, classes, 3);
    CHECK(solved.value == again.value);
    CHECK(solved.parameters == again.parameters);
    CHECK(solved.attained);
    CHECK(solved.gap <= 1e-12 * solved.value);
    std::vector<double> sets = solved.parameters;
    for (std::size_t j = 0; j < solved.parameters.size(); ++j)
      sets.push_back(solved.parameters[j] + 1e-4 * std::cos(static_cast<double>(j)));
    std::vector<double> energy(2);
    softmax_energies(ClassifiedRows<double>{{X.data(), y.data(), 3000, 4, 12000}, classes, true}, sets.data(), 2, 1,
                     energy.data());
    CHECK(energy[0] == doctest::Approx(solved.value).epsilon(1e-13));
    CHECK(energy[1] > energy[0]);
  }
}

TEST_CASE("classes that are separated have an infimum that is not attained") {
  // Class 2 lies beyond both others, which overlap in the same two points.
  const std::vector<double> X{0, 1, 0, 1, 3, 4}, y{0, 0, 1, 1, 2, 2};
  const Solved solved = solve(X, y, 1, 3, 1);
  CHECK_FALSE(solved.attained);
  CHECK(solved.value == doctest::Approx(std::log(2.0) * 4 / 6).epsilon(1e-14));
  CHECK(solved.gap < 1e-13);
  const Solved all = solve({0, 1, 2}, {0, 1, 2}, 1, 3, 1);
  CHECK_FALSE(all.attained);
  CHECK(all.value == 0);
}

TEST_CASE("a class without rows leaves the infimum over the others") {
  std::vector<double> X, y;
  make(500, 2, 3, X, y);
  const Solved three = solve(X, y, 2, 3, 1), four = solve(X, y, 2, 4, 1);
  CHECK(three.attained);
  CHECK_FALSE(four.attained);
  CHECK(four.value == three.value);
}

TEST_CASE("classes that single columns separate are those of facial reduction, where the others overlap") {
  std::mt19937 state(5);
  for (int round = 0; round < 60; ++round) {
    // Indicators of groups; the first lacks class `round % 3`, the second has one class; a column that overlaps.
    const Index groups = 4, each = 12, m = groups * each, n = groups + 1, classes = 3;
    std::vector<double> X(at(m * n), 0.0), y(at(m));
    for (Index i = 0; i < m; ++i) {
      const Index group = i / each;
      X[at(i * n + group)] = round % 2 ? 1 : static_cast<double>(1 + state() % 9);
      if (group > 0) X[at(i * n + groups)] = static_cast<double>(i % 4 / 2);
      y[at(i)] = static_cast<double>(group == 0   ? (round + 1 + i % 2) % classes
                                     : group == 1 ? round / 3 % classes
                                                  : (i % each / 4 + i) % classes);
    }
    const data::Rows<double> rows{X.data(), y.data(), m, n, m * n};
    const ClassFace columns = face_of_columns(rows, classes);
    const ClassFace all = face_of_classes(rows, classes, false, 1, std::vector<std::uint8_t>(at(m * classes), 1));
    REQUIRE(all.certain);
    CHECK((columns.any && !columns.certain));
    CHECK(columns.allowed == all.allowed);
    CHECK(columns.dimension == all.dimension);
    ClassFace known = all;
    for (Index i = 0; i < m; i += 5) known.allowed[at(i * classes) + state() % 3] = 0;
    for (const Index other : {Index{0}, Index{-1}, Index{1}}) {
      known.dimension = all.dimension + other;
      const ClassFace rest =
          face_of_classes(rows, classes, false, 1, std::vector<std::uint8_t>(at(m * classes), 1), known);
      CHECK(rest.certain == (other == 0));
      if (other != 0) continue;
      CHECK(rest.allowed == all.allowed);
      CHECK(rest.dimension == all.dimension);
    }
    for (Index i = 0; i < m; ++i) {
      double z[3] = {};
      for (Index c = 0; c < classes - 1; ++c)
        for (Index j = 0; j < n; ++j) z[c] += X[at(i * n + j)] * columns.direction[at(c * n + j)];
      for (Index c = 0; c < classes; ++c) {
        const double margin = z[static_cast<Index>(y[at(i)])] - z[c];
        CHECK((columns.allowed[at(i * classes + c)] ? margin == 0 : margin >= kFar * (1 - 1e-12)));
      }
    }
  }
}
