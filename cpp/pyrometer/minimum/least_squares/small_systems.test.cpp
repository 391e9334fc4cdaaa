#include "pyrometer/minimum/least_squares/small_systems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

// Moments of pseudo-random rows; in every third system the first two columns are equal.
struct Problem {
  static constexpr Index kSystems = 21, kRows = 60;
  Index p;
  std::vector<double> mean, scatter;

  explicit Problem(Index features) : p(features) {
    const Index c = p + 1;
    for (Index s = 0; s < kSystems; ++s) {
      std::vector<double> z(at(kRows * c)), mu(at(c), 0.0);
      for (std::size_t i = 0; i < z.size(); ++i) {
        const double x = std::sin(static_cast<double>(i + 1) * (12.9898 + static_cast<double>(s))) * 43758.5453;
        z[i] = x - std::floor(x) + 0.3;
      }
      const auto element = [&](Index i, Index j) -> double& { return z[at(i * c + j)]; };
      for (Index i = 0; i < kRows; ++i) {
        if (s % 3 == 0 && p > 1) element(i, 1) = element(i, 0);
        for (Index j = 0; j < c; ++j) mu[at(j)] += element(i, j) / kRows;
      }
      for (Index a = 0; a < c; ++a)
        for (Index b = 0; b < c; ++b) {
          double sum = 0;
          for (Index i = 0; i < kRows; ++i) sum += (element(i, a) - mu[at(a)]) * (element(i, b) - mu[at(b)]);
          scatter.push_back(sum);
        }
      mean.insert(mean.end(), mu.begin(), mu.end());
    }
  }
  [[nodiscard]] Moments moments(bool intercept) const {
    return {kSystems, kRows, p, mean.data(), scatter.data(), intercept};
  }
};

struct Answers {
  std::vector<double> value, parameters, gap, error, condition, parameter_error;
  std::vector<Index> rank;
  explicit Answers(Index systems, Index n)
      : value(at(systems)),
        parameters(at(systems * n)),
        gap(value),
        error(value),
        condition(value),
        parameter_error(parameters),
        rank(value.size()) {}
  Minima minima() { return {value, parameters, gap, error, condition, parameter_error, rank}; }
};

// The energy from the moments, term by term.
double energy(const Moments& data, Index s, const Penalty& l2, const double* theta) {
  const Index p = data.features, c = p + 1;
  std::vector<double> t(theta, theta + p);
  t.push_back(-1);
  double sum = 0, mean = data.intercept ? theta[p] : 0;
  for (Index a = 0; a < c; ++a) {
    mean += data.mean_of(s)[a] * t[at(a)];
    for (Index b = 0; b < c; ++b) sum += t[at(a)] * data.scatter_of(s)[a * c + b] * t[at(b)];
  }
  double penalty = 0;
  for (Index j = 0; j < p + (data.intercept && l2.on_intercept ? 1 : 0); ++j) penalty += theta[j] * theta[j];
  return sum / static_cast<double>(data.count) + mean * mean + l2.weight * penalty;
}

}  // namespace

TEST_CASE("each lane has the minimum of its system, and systems that need pivoting are not changed") {
  for (const Index p : {1, 2, 8, 13, 24})
    for (const bool intercept : {true, false})
      for (const Penalty& l2 : {Penalty{}, Penalty{0.3, true}, Penalty{0.3, false}}) {
        const Problem problem(p);
        const Moments data = problem.moments(intercept);
        const Index n = data.parameters(), step = alike_at_once();
        Answers together(data.systems, n);
        for (Index first = 0; first < data.systems; first += step) {
          const unsigned solved = solve_alike(data, l2, first, together.minima());
          for (Index s = first; s < std::min(first + step, data.systems); ++s) {
            const bool easy = p == 1 || l2.weight > 0 || s % 3 != 0;
            CHECK(((solved >> (s - first)) & 1U) == (easy ? 1U : 0U));
            if (!easy) continue;
            const auto slot = at(s);
            std::vector<double> theta(together.parameters.begin() + s * n, together.parameters.begin() + (s + 1) * n);
            CHECK(energy(data, s, l2, theta.data()) == doctest::Approx(together.value[slot]).epsilon(1e-11));
            CHECK(together.gap[slot] < 1e-20);
            for (Index j = 0; j < n; ++j)
              for (const double move : {-1e-3, 1e-3}) {
                theta[at(j)] += move;
                CHECK(energy(data, s, l2, theta.data()) > together.value[slot]);
                theta[at(j)] -= move;
              }
            CHECK(together.rank[slot] == p);
            CHECK(together.condition[slot] >= 1 - 1e-12);
            Answers alone(1, n);
            CHECK((solve_alike(data.one(s), l2, 0, alone.minima()) & 1U) == 1);
            CHECK(alone.value[0] == together.value[slot]);
            CHECK(alone.gap[0] == together.gap[slot]);
            CHECK(alone.error[0] == together.error[slot]);
            CHECK(std::equal(alone.parameters.begin(), alone.parameters.end(), together.parameters.begin() + s * n));
          }
        }
      }
}
