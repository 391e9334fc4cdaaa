#include "pyrometer/minimum/least_squares/least_squares.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "pyrometer/minimum/lasso/from_rows.hpp"
#include "pyrometer/minimum/lasso/lasso.hpp"

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

// One system's answers, and its rows and moments.
struct System {
  static constexpr Index kRows = 7, kFeatures = 3;
  std::vector<double> X, y, mean, scatter;
  std::vector<double> value, parameters, gap, error, condition, bound;
  std::vector<Index> rank;

  System(double of_columns, double of_target)
      : mean(kFeatures + 1, 0.0),
        scatter((kFeatures + 1) * (kFeatures + 1), 0.0),
        value(1),
        parameters(kFeatures + 1),
        gap(1),
        error(1),
        condition(1),
        bound(kFeatures + 1, std::numeric_limits<double>::infinity()),
        rank(1) {
    const auto number = [](Index i) { return std::sin(static_cast<double>(i * i + 1)); };
    for (Index i = 0; i < kRows * kFeatures; ++i) X.push_back(number(i) * (i % kFeatures == 1 ? 1 : of_columns));
    for (Index i = 0; i < kRows; ++i) y.push_back(number(i + 50) * of_target);
    const auto cell = [this](Index i, Index j) { return j < kFeatures ? X[at(i * kFeatures + j)] : y[at(i)]; };
    for (Index j = 0; j <= kFeatures; ++j)
      for (Index i = 0; i < kRows; ++i) mean[at(j)] += cell(i, j) / static_cast<double>(kRows);
    for (Index j = 0; j <= kFeatures; ++j)
      for (Index k = 0; k <= kFeatures; ++k)
        for (Index i = 0; i < kRows; ++i)
          scatter[at(j * (kFeatures + 1) + k)] += (cell(i, j) - mean[at(j)]) * (cell(i, k) - mean[at(k)]);
  }
  [[nodiscard]] Moments moments() const { return {1, kRows, kFeatures, mean.data(), scatter.data()}; }
  [[nodiscard]] BasicMatrix<double> rows() const { return {X.data(), kRows, kFeatures}; }
  Minima out() { return {value, parameters, gap, error, condition, bound, rank}; }
};

}  // namespace

TEST_CASE("magnitudes up to the limits of a double give values or std::invalid_argument") {
  for (const double of_columns : {5e-324, 1e-300, 1e-160, 1.0, 1e150, 1e305})
    for (const double of_target : {5e-324, 1e-300, 1.0, 1e150, 1e305})
      for (const double weight : {0.0, 5e-324, 1e-300, 1.0, 1e300}) {
        const std::vector<double> path{weight};
        const auto tried = [&](const auto& minimise, bool squares_left) {
          System system(of_columns, of_target);
          try {
            minimise(system);
          } catch (const std::invalid_argument&) {
            CHECK_FALSE(squares_left);  // nothing of an ordinary size is refused
          }
        };
        const bool ordinary = of_columns == 1 && of_target == 1 && weight <= 1;
        tried([&](System& s) { least_squares(s.moments(), {weight, true}, 1, s.out()); }, ordinary);
        tried([&](System& s) { lasso(s.moments(), path, true, 1, s.out()); }, ordinary);
        for (const bool with_moments : {false, true})
          tried(
              [&](System& s) {
                least_squares_rows(s.rows(), s.y.data(), 1, s.mean.data(), with_moments ? s.scatter.data() : nullptr,
                                   true, {weight, false}, 1, s.out());
              },
              ordinary);
        if (weight > 0)
          tried([&](System& s) { lasso_rows(s.rows(), s.y.data(), 1, s.mean.data(), true, path, false, 1, s.out()); },
                ordinary);
      }
}

TEST_CASE("the factors of the moments and of the rows give the same minimum") {
  for (const double weight : {0.0, 0.1}) {
    System by_rows(1e3, 1), by_moments(1e3, 1);
    const Penalty l2{weight, false};
    least_squares_rows(by_rows.rows(), by_rows.y.data(), 1, by_rows.mean.data(), nullptr, true, l2, 1, by_rows.out());
    least_squares_rows(by_moments.rows(), by_moments.y.data(), 1, by_moments.mean.data(), by_moments.scatter.data(),
                       true, l2, 1, by_moments.out());
    CHECK(by_moments.rank[0] == System::kFeatures);
    CHECK(by_moments.value[0] == doctest::Approx(by_rows.value[0]).epsilon(1e-15));
    for (std::size_t j = 0; j <= System::kFeatures; ++j) {
      CHECK(by_moments.parameters[j] == doctest::Approx(by_rows.parameters[j]).epsilon(1e-14));
      CHECK(std::abs(by_moments.parameters[j] - by_rows.parameters[j]) <= by_moments.bound[j] + by_rows.bound[j]);
    }
  }
}

TEST_CASE("ranks are those of least squares") {
  for (const Index p : {2, 5, 40}) {
    std::vector<double> mean(at(p + 1)), scatter(at((p + 1) * (p + 1)));
    for (Index j = 0; j <= p; ++j) scatter[at(j * (p + 2))] = 2;
    scatter[1] = scatter[at(p + 1)] = 2;  // the second column is the first
    std::vector<Index> rank(1);
    ranks({1, 9, p, mean.data(), scatter.data()}, 1, rank);
    CHECK(rank[0] == p - 1);
  }
}

TEST_CASE("ranks of a stack are those of each system") {
  constexpr Index systems = 21, p = 3, columns = p + 1;
  std::vector<double> mean(at(systems * columns)), scatter(at(systems * columns * columns));
  for (Index s = 0; s < systems; ++s) {
    double* own = scatter.data() + s * columns * columns;
    for (Index j = 0; j < columns; ++j) own[j * (columns + 1)] = 2;
    if (s % 4 == 1) own[1] = own[columns] = 2;  // the second column is the first
    if (s % 4 == 2) own[0] = 0;                 // the first is constant
  }
  std::vector<Index> rank(at(systems));
  ranks({systems, 9, p, mean.data(), scatter.data()}, 2, rank);
  for (Index s = 0; s < systems; ++s) CHECK(rank[at(s)] == (s % 4 == 1 || s % 4 == 2 ? p - 1 : p));
}
