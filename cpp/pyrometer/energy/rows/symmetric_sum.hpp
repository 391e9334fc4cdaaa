// Sums of uniform, normal and logistic variables: bounds of their tails and of their characteristic functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace pyrometer::energy {

/// Relative size of each truncation error, and its logarithm.
inline constexpr double kCut = 5e-14, kLogCut = -30.6268;

/// R = sum_j a_j U_j + s Z + l G with U_j uniform on [-1/2, 1/2], Z standard normal, G standard logistic, all
/// independent.
///
///     E e^{zR} = prod_j sinhc(a_j z / 2) e^{s^2 z^2 / 2} (pi l z) / sin(pi l z)
///
/// The logistic variable represents cross entropy: ln(2 cosh(r/2)) = E|r + G| / 2, since both sides have the second
/// derivative 1 / (4 cosh(r/2)^2) and the same slopes at infinity. Hence E softplus(R) = E|R + G| / 2.
struct Reach {
  double uniform_variance = 0;  ///< sum a_j^2 / 12
  double support = 0;           ///< sum a_j / 2
  double deviation = 0;         ///< s
  double logistic = 0;          ///< l

  [[nodiscard]] double variance() const {
    return uniform_variance + deviation * deviation + logistic * logistic * (std::numbers::pi * std::numbers::pi / 3.0);
  }
  /// A lower bound of E|R - y|: Hoelder's inequality with a kurtosis of at most 4.2.
  [[nodiscard]] double scale(double y) const { return std::max(std::fabs(y), 0.48 * std::sqrt(variance())); }
};

/// ln of Chernoff's bound 4 E e^{lambda R} / lambda^power, lambda below 1 / l, with or without the uniform part.
[[nodiscard]] inline double chernoff(const Reach& sum, bool uniform, int power, double lambda) {
  double exponent = std::log(4.0) - power * std::log(lambda) + 0.5 * lambda * lambda * sum.deviation * sum.deviation;
  if (uniform) exponent += std::min(lambda * sum.support, 0.5 * lambda * lambda * sum.uniform_variance);
  if (sum.logistic > 0) {
    const double angle = std::numbers::pi * lambda * sum.logistic;
    exponent += std::log(angle / std::sin(angle));
  }
  return exponent;
}

/// ln of a bound on 4 E (|R| - x)_+^power / power!, for any x >= 0.
[[nodiscard]] inline double log_tail(const Reach& sum, int power, double x) {
  const double gaussian = sum.deviation * sum.deviation + sum.uniform_variance;
  const double pole = sum.logistic > 0 ? 0.97 / sum.logistic : HUGE_VAL;
  const double wish = gaussian > 0 ? (x + std::sqrt(power * gaussian)) / gaussian : pole;
  const double lambda = std::min(wish, pole);
  return chernoff(sum, true, power, lambda) - lambda * x;
}

/// The least x found with 4 E (|R| - x)_+^power / power! <= e^log_tolerance; at or below 0 if all of R is negligible.
///
/// By u^p/p! <= e^{lambda u} / lambda^p and Chernoff's bound: 4 E e^{lambda R} e^{-lambda x} / lambda^p, where a
/// uniform number is sub-Gaussian with its own variance: sinhc(u) <= e^{u^2/6}.
[[nodiscard]] inline double tail_point(const Reach& sum, int power, double log_tolerance) {
  const auto reach = [&](bool uniform) {
    const double gaussian = sum.deviation * sum.deviation + (uniform ? sum.uniform_variance : 0.0);
    const double pole = sum.logistic > 0 ? 0.97 / sum.logistic : HUGE_VAL;
    double length = 32.0, lambda = pole;
    for (int step = 0; step < 3; ++step) {
      lambda = gaussian > 0 ? std::min(std::sqrt(2.0 * length / gaussian), pole) : pole;
      length = std::max(1.0, std::log(4.0) - power * std::log(lambda) - log_tolerance);
    }
    return (chernoff(sum, uniform, power, lambda) - log_tolerance) / lambda;
  };
  const bool bounded = !(sum.deviation > 0) && !(sum.logistic > 0);
  if (!(sum.uniform_variance > 0)) return bounded ? 0.0 : reach(false);
  const double within = reach(true);
  if (within <= 0) return within;
  return std::min(within, sum.support + (bounded ? 0.0 : std::max(0.0, reach(false))));
}

// |sin u / u| <= e^{-u^2/6} up to pi; its largest value beyond is 0.2172336, which e^{-u^2/6} passes at 3.0265 (rounded
// so that the bound holds) and 1 / u at 4.6034.
inline constexpr double kGaussianUntil = 3.026, kInverseFrom = 4.604;

/// ln z for normal z > 0 from below, within 0.0861: the chord of the logarithm between powers of two. Of infinity, 709.
[[nodiscard]] inline double log_below(double z) {
  const auto bits = std::bit_cast<std::uint64_t>(z);
  const double mantissa = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
  return std::numbers::ln2 * (static_cast<double>(static_cast<std::int64_t>(bits >> 52) - 1023) + (mantissa - 1.0));
}

/// ln z for normal z > 0 from above.
[[nodiscard]] inline double log_above(double z) { return log_below(z) + 0.0861; }

/// ln of a bound on (pi l t) / sinh(pi l t) for all frequencies from t on.
[[nodiscard]] inline double log_logistic(double logistic, double t) {
  const double x = std::numbers::pi * logistic * t;
  return x < 1.0 ? 0.0 : log_above(2.3131 * x) - x;
}

/// The frequency at which the Gaussian and logistic factors together decay to e^-depth: a starting point for the
/// search.
[[nodiscard]] inline double first_frequency(const Reach& sum, double depth) {
  const double v = sum.uniform_variance + sum.deviation * sum.deviation, b = std::numbers::pi * sum.logistic;
  return 2.0 * depth / (b + std::sqrt(b * b + 2.0 * v * depth));
}

/// tail_point(sum, 1, ln(kCut sum.scale(y))) from above, without a logarithm, for a logistic scale of 0 or 1.
///
/// lambda = 8 / deviation, or at most 0.9 with a logistic variable, where ln(0.9 pi / sin(0.9 pi)) < 2.215; and there
/// lambda * scale > 0.78, compared with 3.84 otherwise.
[[nodiscard]] inline double quick_tail_point(const Reach& sum) {
  constexpr double log4 = 1.38630;
  if (sum.logistic > 0) {
    const double deviation = std::sqrt(sum.uniform_variance + sum.deviation * sum.deviation);
    const double lambda = deviation > 8.0 / 0.9 ? 8.0 / deviation : 0.9;
    const double exponent = std::min(lambda * sum.support, 0.5 * lambda * lambda * sum.uniform_variance) +
                            0.5 * lambda * lambda * sum.deviation * sum.deviation;
    return (log4 + 2.215 + 0.249 - kLogCut + exponent) / lambda;
  }
  constexpr double deviations = (log4 + 32.0 - 1.3454 - kLogCut) / 8.0;
  return std::min(deviations * std::sqrt(sum.uniform_variance + sum.deviation * sum.deviation),
                  sum.support + deviations * sum.deviation);
}

}  // namespace pyrometer::energy
