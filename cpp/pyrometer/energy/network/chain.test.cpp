#include "pyrometer/energy/network/chain.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "pyrometer/energy/network/chain_rows.hpp"
#include "pyrometer/energy/network/cross_entropy.hpp"

using namespace pyrometer;

namespace {

struct Answer {
  std::vector<double> energy, error;
  bool trusted;
};

Answer solve(model::Activation activation, std::vector<Index> widths, double scale, double bias,
             std::vector<double> norms) {
  const std::size_t layers = widths.size() - 1;
  const std::vector<double> weight(layers, scale), offset(layers, bias);
  const Index columns = static_cast<Index>(layers);
  Answer answer{std::vector<double>(layers), std::vector<double>(layers), false};
  unsigned char trusted = 0;
  energy::network_chain(
      {{layers - 1, activation}, widths, {weight.data(), 1, columns}, {offset.data(), 1, columns}, norms}, 1,
      answer.energy.data(), answer.error.data(), &trusted);
  answer.trusted = trusted != 0;
  return answer;
}

}  // namespace

TEST_CASE("the second layer of erf is an arc tangent") {
  for (const double scale : {1e-3, 0.3, 1.0, 30.0, 1e6}) {
    const Answer answer = solve(model::Activation::erf, {3, 5, 2}, scale, 0, {1.7});
    const double v = scale * scale * 1.7;
    const double square = 2 / std::numbers::pi * std::atan(2 * v / std::sqrt(1 + 4 * v));
    CHECK(answer.energy[0] == doctest::Approx(5 * v).epsilon(1e-14));
    CHECK(answer.energy[1] == doctest::Approx(2 * scale * scale * 5 * square).epsilon(1e-13));
    CHECK(answer.trusted);
  }
}

TEST_CASE("rows of norm zero stay at zero where activations do and biases are absent") {
  const Answer none = solve(model::Activation::tanh, {3, 5, 4, 2}, 1, 0, {0, 0});
  for (const double energy : none.energy) CHECK(energy == 0);
  const Answer weighted = solve(model::Activation::tanh, {3, 5, 4, 2}, 1, 0, {0, 2}),
               one = solve(model::Activation::tanh, {3, 5, 4, 2}, 1, 0, {2});
  for (std::size_t l = 0; l < 3; ++l) CHECK(weighted.energy[l] == doctest::Approx(0.5 * one.energy[l]).epsilon(1e-14));
}

TEST_CASE("silu at a large scale is relu at that scale") {
  const Answer silu = solve(model::Activation::silu, {3, 8, 8, 2}, 1e5, 0, {2}),
               relu = solve(model::Activation::relu, {3, 8, 8, 2}, 1e5, 0, {2});
  for (std::size_t l = 0; l < 3; ++l) CHECK(silu.energy[l] == doctest::Approx(relu.energy[l]).epsilon(1e-5));
}

TEST_CASE("rows whose norms differ by little more than rounding give their mean, at any scale") {
  for (int exponent = -1000; exponent <= 1000; exponent += 40)
    for (const double ulps : {0.5, 1.0, 4.0, 30.0, 1000.0}) {
      std::vector<double> norms(200);
      double mean = 0;
      for (std::size_t i = 0; i < norms.size(); ++i) {
        norms[i] = std::ldexp(1 + 0x1p-52 * ulps * static_cast<double>(i), exponent);
        mean += std::ldexp(norms[i], -exponent) / static_cast<double>(norms.size());
      }
      CAPTURE(exponent);
      CAPTURE(ulps);
      const energy::RowNodes nodes(norms);
      CHECK(std::ldexp(nodes.mean(nodes.norm().data()), -exponent) == doctest::Approx(mean).epsilon(2e-12));
    }
}

TEST_CASE("a constant bias of the first layer is a shift of its units: E (c + s Z)^2 for relu by its closed form") {
  for (const double c : {-3.0, -0.2, 0.4, 20.0}) {
    const double weight[] = {0.7, 1.3}, bias[] = {0, 0}, shift[] = {c, -0.5};
    const std::vector<double> norms{2.0};
    double energy[2], error[2];
    unsigned char trusted = 0;
    energy::network_chain({{model::Activation::relu}, {2, 5, 3}, {weight, 1, 2}, {bias, 1, 2}, norms, {shift, 1, 2}}, 1,
                          energy, error, &trusted);
    const double v = 0.49 * 2, s = std::sqrt(v), t = c / s;
    const double density = std::exp(-t * t / 2) / std::sqrt(2 * std::numbers::pi);
    const double half = (c * c + v) * 0.5 * std::erfc(-t / std::numbers::sqrt2) + c * s * density;
    CHECK(trusted == 1);
    CHECK(energy[0] == doctest::Approx(5 * (v + c * c)).epsilon(1e-14));
    CHECK(energy[1] == doctest::Approx(3 * (1.69 * 5 * half + 0.25)).epsilon(1e-12));
  }
}

TEST_CASE("the cross entropy of identical rows without hidden layers is that of normal logits") {
  for (const Index outputs : {1, 2, 5})
    for (const double scale : {1e-3, 1.0, 30.0}) {
      const double weight[] = {scale}, bias[] = {0.3};
      const std::vector<double> norms{2.0, 2.0};
      double energy[2], error[2];
      unsigned char trusted = 0;
      energy::network_chain({{}, {3, outputs}, {weight, 1, 1}, {bias, 1, 1}, norms, {}, true}, 1, energy, error,
                            &trusted);
      const double expected = energy::cross_entropy(outputs, {2 * scale * scale + 0.09}).value[0];
      CHECK(trusted == 1);
      CHECK(energy[1] == doctest::Approx(expected).epsilon(1e-14));
    }
}

TEST_CASE("each hidden layer has its activation: identity after relu is relu after identity") {
  const double weight[] = {0.7, 1.3, 0.5}, bias[] = {0, 0, 0};
  const std::vector<double> norms{2.0};
  double energy[2][3], error[3];
  unsigned char trusted = 0;
  using enum model::Activation;
  energy::network_chain({{relu, identity}, {2, 4, 4, 1}, {weight, 1, 3}, {bias, 1, 3}, norms}, 1, energy[0], error,
                        &trusted);
  energy::network_chain({{identity, relu}, {2, 4, 4, 1}, {weight, 1, 3}, {bias, 1, 3}, norms}, 1, energy[1], error,
                        &trusted);
  CHECK(energy[0][1] == doctest::Approx(0.5 * energy[1][1]).epsilon(1e-14));
  CHECK(energy[0][2] == doctest::Approx(energy[1][2]).epsilon(1e-14));
}
