// Activation functions of networks, one number at a time, to double accuracy.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

namespace pyrometer::model {

///     tanh         tanh z                      gelu      z Phi(z), Phi the normal distribution function
///     sigmoid      1 / (1 + e^{-z})            silu      z / (1 + e^{-z})
///     relu         max(z, 0)                   softplus  ln(1 + e^z)
///     leaky_relu   max(z, kLeak z)             elu       z for z > 0, e^z - 1 otherwise
///     identity     z                           erf       erf z
///     hardtanh     z cut at -1 and 1           selu      kSelu z for z > 0, kSelu kSeluBelow (e^z - 1) otherwise
///     hardswish    z cut(z + 3) / 6            mish      z tanh ln(1 + e^z)
///
/// cut() here is at 0 and 6. The constants of selu are those of Klambauer et al. (2017).
enum class Activation {
  tanh,
  sigmoid,
  relu,
  identity,
  erf,
  leaky_relu,
  gelu,
  silu,
  softplus,
  elu,
  selu,
  mish,
  hardswish,
  hardtanh
};

inline constexpr double kLeak = 0.01;
inline constexpr double kSelu = 1.0507009873554804934193349852946;
inline constexpr double kSeluBelow = 1.6732632423543772848170429916717;

/// Properties of an activation that kernels use. The Python package has a table of the same names: a test compares
/// them.
struct ActivationRecord {
  Activation activation;
  std::string_view name;
  double slope_below;  ///< phi(z) = z for z > 0 and slope_below z for z < 0; nan for other activations
  bool even_square;    ///< phi(-z)^2 = phi(z)^2
  bool accelerates;    ///< E phi(z)^2 / E z^2 grows with the variance of a normal z
  double kink;         ///< phi is not smooth at z = -kink and kink; 0 if it is smooth but for z = 0
  /// ln v of a normal z below and above which phi(z)^2 is distributed as a power of z, within rounding: its limits for
  /// small z leave terms of order v or, where phi has a kink at 0, sqrt(v), and for large z terms of order v^(-3/2),
  /// 1 / v below elu or 1 / sqrt(v) of bounded ones. None for homogeneous activations.
  double bent_from, bent_to;
};

inline constexpr double kCurved = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kNowhere = std::numeric_limits<double>::infinity();  // bent from here to its negative

/// One for each activation, in the order of the enumeration.
inline constexpr std::array<ActivationRecord, 14> kActivations{{
    {Activation::tanh, "tanh", kCurved, true, false, 0, -36, 72},
    {Activation::sigmoid, "sigmoid", kCurved, false, false, 0, -36, 72},
    {Activation::relu, "relu", 0, false, false, 0, kNowhere, -kNowhere},
    {Activation::identity, "identity", 1, true, false, 0, kNowhere, -kNowhere},
    {Activation::erf, "erf", kCurved, true, false, 0, -36, 72},
    {Activation::leaky_relu, "leaky_relu", kLeak, false, false, 0, kNowhere, -kNowhere},
    {Activation::gelu, "gelu", kCurved, false, true, 0, -36, 25},
    {Activation::silu, "silu", kCurved, false, true, 0, -36, 25},
    {Activation::softplus, "softplus", kCurved, false, false, 0, -36, 25},
    {Activation::elu, "elu", kCurved, false, false, 0, -72, 36},
    {Activation::selu, "selu", kCurved, false, false, 0, -72, 36},
    {Activation::mish, "mish", kCurved, false, true, 0, -36, 25},
    {Activation::hardswish, "hardswish", kCurved, false, true, 3, -36, 25},
    {Activation::hardtanh, "hardtanh", kCurved, true, false, 1, -36, 72},
}};

[[nodiscard]] constexpr const ActivationRecord& record_of(Activation activation) {
  return kActivations[static_cast<std::size_t>(activation)];
}

static_assert(
    [] {
      for (const ActivationRecord& record : kActivations)
        if (&record != &record_of(record.activation)) return false;
      return true;
    }(),
    "records must be in the order of the enumeration");

/// Throws std::invalid_argument for a name that is not in the table.
[[nodiscard]] Activation activation_named(std::string_view name);

/// One for each hidden layer, from their names with commas between them; one name is that of all. Throws
/// std::invalid_argument for another number of names, or a name that is not in the table.
[[nodiscard]] std::vector<Activation> activations_named(std::string_view names, std::size_t hidden);

/// phi(z), to a few units in the last place; no overflow for any finite z. About 20 ns.
[[nodiscard]] double activate(Activation activation, double z);

/// max(z, a z) for some a. Then E phi(z)^2 = (1 + a^2) / 2 E z^2 for symmetric z.
[[nodiscard]] constexpr bool is_homogeneous(Activation activation) {
  const double slope = record_of(activation).slope_below;
  return slope == slope;
}

/// E phi(z)^2 / E z^2 of a homogeneous activation: (1 + a^2) / 2.
[[nodiscard]] constexpr double homogeneous_factor(Activation activation) {
  const double slope = record_of(activation).slope_below;
  return 0.5 * (1 + slope * slope);
}

/// phi(-z)^2 = phi(z)^2.
[[nodiscard]] constexpr bool has_even_square(Activation activation) { return record_of(activation).even_square; }

}  // namespace pyrometer::model
