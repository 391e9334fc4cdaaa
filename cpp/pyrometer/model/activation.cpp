#include "pyrometer/model/activation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "pyrometer/base/require.hpp"

namespace pyrometer::model {

Activation activation_named(std::string_view name) {
  for (const ActivationRecord& record : kActivations)
    if (record.name == name) return record.activation;
  std::string names;
  for (const ActivationRecord& record : kActivations) names += (names.empty() ? "" : ", ") + std::string(record.name);
  require(false, "activation must be one of ", names, ", got '", name, "'");
  return Activation::identity;
}

std::vector<Activation> activations_named(std::string_view names, std::size_t hidden) {
  if (names.empty() && hidden == 0) return {};
  std::vector<Activation> activations;
  for (std::size_t first = 0, comma = 0; comma != std::string_view::npos; first = comma + 1) {
    comma = names.find(',', first);
    activations.push_back(activation_named(names.substr(first, comma - first)));
  }
  if (activations.size() == 1) return std::vector<Activation>(hidden, activations[0]);
  require(activations.size() == hidden, "activation must be one name, or one for each of ", hidden,
          " hidden layers, got ", activations.size());
  return activations;
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
    case Activation::selu:
      return kSelu * (z > 0 ? z : kSeluBelow * std::expm1(z));
    case Activation::mish: {
      // tanh ln(1 + e^z) = n / (n + 2) with n = e^z (e^z + 2), multiplied by e^-2z for positive z.
      const double e = std::exp(-std::abs(z));
      return z > 0 ? z * ((1 + 2 * e) / (1 + 2 * e * (1 + e))) : z * (e * (e + 2) / (e * (e + 2) + 2));
    }
    case Activation::hardswish:
      return z * std::clamp((z + 3) / 6, 0.0, 1.0);
    case Activation::hardtanh:
      return std::clamp(z, -1.0, 1.0);
  }
  return z;
}

}  // namespace pyrometer::model
