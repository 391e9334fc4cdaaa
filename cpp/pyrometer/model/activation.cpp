#include "pyrometer/model/activation.hpp"

#include <cmath>
#include <numbers>
#include <utility>

#include "pyrometer/base/require.hpp"

namespace pyrometer::model {

Activation activation_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Activation> table[] = {
      {"tanh", Activation::tanh},         {"sigmoid", Activation::sigmoid}, {"relu", Activation::relu},
      {"identity", Activation::identity}, {"erf", Activation::erf},         {"leaky_relu", Activation::leaky_relu},
      {"gelu", Activation::gelu},         {"silu", Activation::silu},       {"softplus", Activation::softplus},
      {"elu", Activation::elu},
  };
  for (const auto& [known, activation] : table)
    if (known == name) return activation;
  require(false,
          "activation must be tanh, sigmoid, relu, identity, erf, leaky_relu, gelu, silu, softplus or elu, got '", name,
          "'");
  return Activation::identity;
}

double activate(Activation activation, double z) {
  switch (activation) {
    case Activation::tanh:
      return std::tanh(z);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::relu:
      return z > 0 ? z : 0;
    case Activation::identity:
      return z;
    case Activation::erf:
      return std::erf(z);
    case Activation::leaky_relu:
      return z > 0 ? z : kLeak * z;
    case Activation::gelu:
      return 0.5 * z * std::erfc(-z / std::numbers::sqrt2);
    case Activation::silu:
      return z / (1 + std::exp(-z));
    case Activation::softplus:
      return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
    case Activation::elu:
      return z > 0 ? z : std::expm1(z);
  }
  return z;
}

double homogeneous_factor(Activation activation) {
  if (activation == Activation::relu) return 0.5;
  return activation == Activation::leaky_relu ? 0.5 * (1 + kLeak * kLeak) : 1.0;
}

}  // namespace pyrometer::model
