#include "pyrometer/energy/sampled/squares.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace pyrometer;

namespace {

constexpr Index kRowsOfData = 23;
constexpr base::Seed kSeed{11, 12};
constexpr Index kFirst = 1001;  // of the draws

/// Systems of pseudo-random data with large means, their moments, and the energy computed row by row.
struct Example {
  Index systems, features, parameters;
  bool intercept;
  std::vector<double> rows, mean, scatter;  // rows: systems x kRowsOfData x (features + 1)

  Example(Index s, Index p, bool with_intercept)
      : systems(s), features(p), parameters(p + with_intercept), intercept(with_intercept) {
    const Index columns = p + 1;
    for (Index i = 0; i < s * kRowsOfData * columns; ++i)
      rows.push_back(3 + std::sin(static_cast<double>(i * i % 1009)) + 0.1 * static_cast<double>(i % 7));
    for (Index system = 0; system < s; ++system) {
      for (Index j = 0; j < columns; ++j) {
        double sum = 0;
        for (Index i = 0; i < kRowsOfData; ++i) sum += element(system, i, j);
        mean.push_back(sum / kRowsOfData);
      }
      const double* center = &mean[at(system * columns)];
      for (Index j = 0; j < columns; ++j)
        for (Index k = 0; k < columns; ++k) {
          double sum = 0;
          for (Index i = 0; i < kRowsOfData; ++i)
            sum += (element(system, i, j) - center[j]) * (element(system, i, k) - center[k]);
          scatter.push_back(sum);
        }
    }
  }

  [[nodiscard]] double element(Index system, Index i, Index j) const {
    return rows[at((system * kRowsOfData + i) * (features + 1) + j)];
  }

  [[nodiscard]] energy::Squares squares(double l1, double l2, Index penalised) const {
    return {kRowsOfData,
            {mean.data(), systems, features + 1},
            {scatter.data(), systems * (features + 1), features + 1},
            intercept,
            l1,
            l2,
            penalised};
  }

  [[nodiscard]] double energy(Index system, const std::vector<double>& theta, double l1, double l2,
                              Index penalised) const {
    double sum = 0;
    for (Index i = 0; i < kRowsOfData; ++i) {
      double residual = -element(system, i, features) + (intercept ? theta.back() : 0);
      for (Index j = 0; j < features; ++j) residual += element(system, i, j) * theta[at(j)];
      sum += residual * residual;
    }
    sum /= kRowsOfData;
    for (Index j = 0; j < penalised; ++j) {
      const double t = theta[at(j)];
      sum += l1 * std::abs(t) + l2 * t * t;
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("sampled energies equal those computed from the rows") {
  constexpr Index kSamples = 70, kLaws = 3;
  for (const Index features : {1, 2, 5, 8, 13})
    for (const bool intercept : {false, true})
      for (const Index normals : {0, 1, 3, 99}) {
        const Example example(2, features, intercept);
        const Index n = example.parameters, normal = std::min(normals, n), penalised = n - 1;
        std::vector<double> scale;
        for (Index i = 0; i < kLaws * n; ++i) scale.push_back(0.5 + 0.1 * static_cast<double>(i));
        std::vector<double> energies(at(2 * kLaws * kSamples));
        energy::sample_squares_energies(example.squares(0.3, 0.2, penalised), {{scale.data(), kLaws, n}, normal},
                                        {kSeed, kFirst, kSamples}, 1, energies.data());
        double worst = 0;
        for (Index system = 0; system < 2; ++system)
          for (Index law = 0; law < kLaws; ++law)
            for (Index k = 0; k < kSamples; ++k) {
              std::vector<double> theta(at(n));
              for (Index j = 0; j < n; ++j) {
                double pair[2];
                if (j < normal)
                  base::normals(kSeed, kFirst + k, 1, j - j % 2, 2, pair);
                else
                  base::uniforms(kSeed, kFirst + k, 1, j - j % 2, 2, pair);
                theta[at(j)] = scale[at(law * n + j)] * pair[j % 2];
              }
              const double expected = example.energy(system, theta, 0.3, 0.2, penalised);
              const double got = energies[at((system * kLaws + law) * kSamples + k)];
              worst = std::max(worst, std::abs(got / expected - 1));
            }
        CHECK(worst < 1e-12);
      }
}

TEST_CASE("mean and standard error are those of the energies, for any number of waves and chunks") {
  const Example example(1, 2, true);
  const std::vector<double> scale{1, 2, 3};
  for (const Index samples : {2, 64, 65, 512, 40000}) {
    std::vector<double> energies(at(samples));
    double mean = 0, error = 0;
    const auto squares = example.squares(0, 0, 0);
    const model::LawBatch law{{scale.data(), 1, 3}, 2};
    energy::sample_squares_energies(squares, law, {kSeed, 0, samples}, 2, energies.data());
    energy::sample_squares(squares, law, {kSeed, 0, samples}, 2, &mean, &error);
    long double sum = 0, deviations = 0;
    for (const double e : energies) sum += e;
    const long double expected = sum / static_cast<long double>(samples);
    for (const double e : energies) deviations += (e - expected) * (e - expected);
    CHECK(mean == doctest::Approx(static_cast<double>(expected)).epsilon(1e-14));
    CHECK(error * error * static_cast<double>(samples * (samples - 1)) ==
          doctest::Approx(static_cast<double>(deviations)).epsilon(1e-12));
  }
}

TEST_CASE("energies that overflow throw, naming the lowest draw") {
  const Example example(1, 1, false);
  double mean = 0, error = 0;
  const auto message = [&](double scale) {
    try {
      energy::sample_squares(example.squares(0, 0, 0), {{&scale, 1, 1}, 1}, {kSeed, 0, 10000}, 3, &mean, &error);
    } catch (const std::invalid_argument& thrown) {
      return std::string(thrown.what());
    }
    return std::string();
  };
  CHECK(message(1e200).find("draw 0 ") != std::string::npos);
  CHECK(message(1e80).find("variance") != std::string::npos);
  CHECK(message(1e70).empty());
}

TEST_CASE("violated preconditions throw") {
  const Example example(1, 2, true);
  const std::vector<double> scale(3, 1.0);
  double mean = 0, error = 0;
  const auto run = [&](Index parameters, Index normals, Index penalised, Index samples) {
    energy::sample_squares(example.squares(0, 0, penalised), {{scale.data(), 1, parameters}, normals},
                           {kSeed, 0, samples}, 1, &mean, &error);
  };
  CHECK_NOTHROW(run(3, 3, 3, 2));
  CHECK_THROWS_AS(run(2, 2, 0, 2), std::invalid_argument);
  CHECK_THROWS_AS(run(3, 4, 0, 2), std::invalid_argument);
  CHECK_THROWS_AS(run(3, 3, 4, 2), std::invalid_argument);
  CHECK_THROWS_AS(run(3, 3, 0, 1), std::invalid_argument);
}
