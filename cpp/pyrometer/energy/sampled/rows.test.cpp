#include "pyrometer/energy/sampled/rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

using namespace pyrometer;
using energy::SampledLoss;

namespace {

constexpr base::Seed kSeed{3, 4};
constexpr Index kFirst = 1001;  // of the draws

double loss_of(SampledLoss loss, double y, double t) {
  if (loss == SampledLoss::absolute) return std::abs(y - t);
  return std::max(-t, 0.0) + std::log1p(std::exp(-std::abs(t))) + (1 - y) * t;
}

/// The largest relative error of an energy over all systems, laws and draws of one pseudo-random problem.
template <class T>
double worst(SampledLoss loss, Index rows, Index features, bool intercept, Index normals, Index samples,
             bool weighted = false) {
  constexpr Index kSystems = 2, kLaws = 2;
  const Index n = features + intercept;
  std::vector<T> X, y;
  for (Index i = 0; i < kSystems * rows * features; ++i)
    X.push_back(static_cast<T>(std::sin(static_cast<double>(i * i % 1009)) + 0.25));
  for (Index i = 0; i < kSystems * rows; ++i) y.push_back(static_cast<T>(i * i % 3 == 0));
  std::vector<double> weights;
  for (Index i = 0; i < kSystems * rows; ++i) weights.push_back(weighted ? 0.5 + static_cast<double>(i % 3) : 1.0);
  std::vector<double> scale;
  for (Index i = 0; i < kLaws * n; ++i) scale.push_back(0.5 + 0.1 * static_cast<double>(i % 10));
  std::vector<double> energies(at(kSystems * kLaws * samples));
  energy::sample_rows_energies<T>(
      {X.data(), y.data(), kSystems, rows, features, intercept, loss, weighted ? weights.data() : nullptr},
      {{scale.data(), kLaws, n}, normals}, {kSeed, kFirst, samples}, 2, energies.data());
  double error = 0;
  std::vector<double> theta(at(n));
  for (Index law = 0; law < kLaws; ++law)
    for (Index k = 0; k < samples; ++k) {
      for (Index j = 0; j < n; ++j) {
        double pair[2];
        if (j < normals)
          base::normals(kSeed, kFirst + k, 1, j - j % 2, 2, pair);
        else
          base::uniforms(kSeed, kFirst + k, 1, j - j % 2, 2, pair);
        theta[at(j)] = scale[at(law * n + j)] * pair[j % 2];
      }
      for (Index system = 0; system < kSystems; ++system) {
        double sum = 0;
        for (Index i = system * rows; i < (system + 1) * rows; ++i) {
          double t = intercept ? theta.back() : 0;
          for (Index j = 0; j < features; ++j) t += static_cast<double>(X[at(i * features + j)]) * theta[at(j)];
          sum += weights[at(i)] * loss_of(loss, static_cast<double>(y[at(i)]), t);
        }
        const double got = energies[at((system * kLaws + law) * samples + k)];
        error = std::max(error, std::abs(got * static_cast<double>(rows) / sum - 1));
      }
    }
  return error;
}

}  // namespace

TEST_CASE("energies of rows equal those of a plain loop, for every shape of the last tile, block and chunk") {
  for (const SampledLoss loss : {SampledLoss::absolute, SampledLoss::cross_entropy}) {
    for (const Index rows : {1, 4, 9, 31, 33}) CHECK(worst<double>(loss, rows, 3, true, 2, 50) < 1e-13);
    for (const Index samples : {1, 24, 65, 384, 390}) CHECK(worst<double>(loss, 20, 2, false, 1, samples) < 1e-13);
    for (const Index features : {0, 1, 127, 128, 257}) CHECK(worst<double>(loss, 10, features, true, 1, 30) < 1e-12);
    CHECK(worst<double>(loss, 600, 40, false, 40, 3) < 1e-12);
    CHECK(worst<float>(loss, 300, 130, true, 60, 25) < 1e-6);
    for (const Index samples : {1, 48, 65, 390}) CHECK(worst<float>(loss, 33, 2, false, 1, samples) < 1e-6);
    for (const Index rows : {1, 9, 33}) CHECK(worst<double>(loss, rows, 3, true, 2, 50, true) < 1e-13);
    CHECK(worst<float>(loss, 300, 130, true, 60, 25, true) < (loss == SampledLoss::absolute ? 1e-6 : 1e-12));
  }
}

TEST_CASE("mean and slope of rows for any number of threads") {
  const std::vector<double> X{1, -2, 3}, y{0, 1, 1}, scale{2};
  for (const SampledLoss loss : {SampledLoss::absolute, SampledLoss::cross_entropy}) {
    double first[3], other[3];
    const auto run = [&](int threads, double* out) {
      energy::sample_rows<double>({X.data(), y.data(), 1, 3, 1, false, loss}, {{scale.data(), 1, 1}, 1},
                                  {kSeed, 0, 100000}, threads, {out, out + 1, out + 2});
    };
    run(1, first);
    run(3, other);
    CHECK(std::equal(first, first + 3, other));
    CHECK(first[1] > 0);
  }
}

TEST_CASE("labels other than 0 and 1 throw") {
  const std::vector<double> X{1, 2}, y{0, 0.5}, scale{1};
  double out[3];
  const auto run = [&](SampledLoss loss) {
    energy::sample_rows<double>({X.data(), y.data(), 1, 2, 1, false, loss}, {{scale.data(), 1, 1}, 1}, {kSeed, 0, 10},
                                1, {out, out + 1, out + 2});
  };
  CHECK_NOTHROW(run(SampledLoss::absolute));
  CHECK_THROWS_AS(run(SampledLoss::cross_entropy), std::invalid_argument);
}
