#include "pyrometer/energy/network/sampled.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace pyrometer;
using model::Activation;

namespace {

constexpr base::Seed kSeed{3, 4};
constexpr Index kLayers = 3, kRows = 37;
constexpr Index kWidths[kLayers + 1] = {5, 11, 9, 2};

/// Normal weights and biases in every layer.
Matrix normal(Index layers) {
  static std::vector<double> families;
  families.assign(at(4 * layers), 1.0);
  std::fill_n(families.begin(), 2 * layers, std::numeric_limits<double>::infinity());
  return {families.data(), 4, layers};
}

/// Energies of the layers of one draw of a normal law, unit by unit.
template <class T>
std::vector<double> energies(const std::vector<T>& X, Activation activation, const double* weight, const double* bias,
                             Index draw) {
  std::vector<double> sums(kLayers);
  for (Index i = 0; i < kRows; ++i) {
    std::vector<double> x(X.begin() + i * kWidths[0], X.begin() + (i + 1) * kWidths[0]);
    Index first = 0;
    const auto number = [&](Index j) {
      T pair[2];
      base::normals(kSeed, draw, 1, j - j % 2, 2, pair);
      return static_cast<double>(pair[j % 2]);
    };
    for (Index l = 1; l <= kLayers; ++l) {
      const Index width = kWidths[l], depth = kWidths[l - 1];
      std::vector<double> next;
      for (Index j = 0; j < width; ++j) {
        double z = bias[l - 1] * number(first + width * depth + j);
        for (Index k = 0; k < depth; ++k) z += weight[l - 1] * number(first + j * depth + k) * x[at(k)];
        sums[at(l - 1)] += z * z / static_cast<double>(kRows);
        next.push_back(model::activate(activation, z));
      }
      first += width * (depth + 1);
      x = next;
    }
  }
  return sums;
}

template <class T>
double worst(Activation activation) {
  std::vector<T> X;
  for (Index i = 0; i < kRows * kWidths[0]; ++i)
    X.push_back(static_cast<T>(std::sin(static_cast<double>(i * i % 1009)) + 0.25));
  const double weight[] = {0.5, 0.7, 1.1, 1.5, 0.2, 0.9}, bias[] = {0.3, 0, 0.4, 0, 0, 0};
  constexpr Index kLaws = 2, kSamples = 3;
  std::vector<double> got(at(kLaws * kSamples * kLayers));
  energy::sample_network<T>(
      {X.data(), nullptr, kRows},
      {kLayers, kWidths, {kLayers - 1, activation}, normal(kLayers), {weight, kLaws, kLayers}, {bias, kLaws, kLayers}},
      {kSeed, 7, kSamples, 0, false}, 2, got.data());
  double error = 0;
  for (Index law = 0; law < kLaws; ++law)
    for (Index k = 0; k < kSamples; ++k) {
      const auto expected = energies(X, activation, weight + law * kLayers, bias + law * kLayers, 7 + k);
      for (Index l = 0; l < kLayers; ++l)
        error = std::max(error, std::abs(got[at((law * kSamples + k) * kLayers + l)] / expected[at(l)] - 1));
    }
  return error;
}

}  // namespace

TEST_CASE("energies of sampled networks equal those computed unit by unit, for every activation") {
  using enum Activation;
  for (const Activation activation :
       {tanh, sigmoid, relu, leaky_relu, identity, erf, gelu, silu, softplus, elu, selu, mish, hardswish, hardtanh}) {
    CHECK(worst<double>(activation) < 1e-13);
    CHECK(worst<float>(activation) < 3e-6);
  }
}

TEST_CASE("sampled networks throw on overflow and on invalid arguments") {
  const double X[] = {1, 2}, scale[] = {1e200, 1}, zero[] = {0, 0};
  const Index widths[] = {2, 3, 1};
  double energy[2];
  const auto run = [&](Index rows, Index picked, Matrix bias) {
    energy::sample_network<double>({X, nullptr, rows}, {2, widths, {Activation::tanh}, normal(2), {scale, 1, 2}, bias},
                                   {kSeed, 0, 1, picked, false}, 1, energy);
  };
  CHECK_THROWS_WITH_AS(run(0, 0, {zero, 1, 2}), doctest::Contains("at least 1 row"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(1, 2, {zero, 1, 2}), doctest::Contains("rows must be 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(1, 0, {zero, 2, 1}), doctest::Contains("bias must be 1 x 2"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(1, 0, {zero, 1, 2}), doctest::Contains("in layer 1 under law 0"), std::invalid_argument);
}

TEST_CASE("families of layers: constants, laws without bound, and what is refused") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double X[] = {1, 2, -1, 0.5}, y[] = {1, -2}, weight[] = {0.5, 0}, bias[] = {-0.3, 2};
  const Index widths[] = {2, 3, 1};
  double energy[3];
  const auto run = [&](const double (&families)[8], bool averaged) {
    energy::sample_network_errors<double>(
        {X, y, 2}, {2, widths, {Activation::tanh}, {families, 4, 2}, {weight, 1, 2}, {bias, 1, 2}},
        {kSeed, 0, 3, 0, averaged}, 1, energy);
  };
  // Weights of 0 and constant biases: the outputs are 2 in every draw.
  for (const bool averaged : {false, true}) {
    run({kInfinity, -1, -1, -1, 1, 1, 1, 1}, averaged);
    for (const double each : energy) CHECK(each == doctest::Approx((1.0 + 16.0) / 2).epsilon(1e-14));
  }
  double before[3];
  run({kInfinity, kInfinity, -1, -1, 1, 1, 1, 1}, false);
  std::copy(energy, energy + 3, before);
  run({-2, -1, -1, -1, 1, 1, 1, 1}, false);
  for (int k = 0; k < 3; ++k) CHECK(energy[k] == doctest::Approx(before[k]).epsilon(1e-14));
  CHECK_THROWS_WITH_AS(run({-1, -1, -1, -1, 1, 1, 1, 1}, false), doctest::Contains("constant weights must be 0"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(run({kInfinity, -1, -2, -1, 1, 1, 1, 1}, false), doctest::Contains("-2 for orthogonal weights"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(run({kInfinity, -1, 0, -1, 1, 1, 1, 1}, false), doctest::Contains("at least 0, got -0.3"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(run({kInfinity, -1, -1, -1, 1, 0, 1, 1}, false), doctest::Contains("precisions must be"),
                       std::invalid_argument);
}
