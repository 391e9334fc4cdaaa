// Activation functions of networks, one number at a time, to double accuracy.
#pragma once

#include <string_view>

namespace pyrometer::model {

///     tanh         tanh z                      gelu      z Phi(z), Phi the normal distribution function
///     sigmoid      1 / (1 + e^{-z})            silu      z / (1 + e^{-z})
///     relu         max(z, 0)                   softplus  ln(1 + e^z)
///     leaky_relu   max(z, kLeak z)             elu       z for z > 0, e^z - 1 otherwise
///     identity     z                           erf       erf z
enum class Activation { tanh, sigmoid, relu, identity, erf, leaky_relu, gelu, silu, softplus, elu };

inline constexpr double kLeak = 0.01;

/// Throws std::invalid_argument for a name that is not in the table.
[[nodiscard]] Activation activation_named(std::string_view name);

/// phi(z), to a few units in the last place; no overflow for any finite z. About 20 ns.
[[nodiscard]] double activate(Activation activation, double z);

/// max(z, a z) for some a: relu, leaky_relu, identity. Then E phi(z)^2 = (1 + a^2) / 2 E z^2 for symmetric z.
[[nodiscard]] constexpr bool is_homogeneous(Activation activation) {
  return activation == Activation::relu || activation == Activation::leaky_relu || activation == Activation::identity;
}

/// E phi(z)^2 / E z^2 of a homogeneous activation: (1 + a^2) / 2.
[[nodiscard]] double homogeneous_factor(Activation activation);

/// phi(-z)^2 = phi(z)^2: tanh, erf, identity.
[[nodiscard]] constexpr bool has_even_square(Activation activation) {
  return activation == Activation::tanh || activation == Activation::erf || activation == Activation::identity;
}

}  // namespace pyrometer::model
