#include "pyrometer/energy/network/chain_unit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pyrometer/base/require.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kReach = 13.5;  // deviations: beyond, even forty powers of z are below 1e-16 of their expectation
constexpr double kFirst = -3.7;  // exp(u - e^{-u}) is 1e-19 there

// Deviations that are 0 compared with all others: pre-activations below have a probability of 1e-20.
constexpr double kNone = 1e-20;

/// Calls take(z, weight) over the positive half-line; the weights of a half-line sum to 1 / 2.
template <class Take>
void half_normal(double deviation, double step, Take take) {
  require(std::isfinite(deviation),
          "energies must be finite, got a pre-activation whose variance is not; use a smaller scale.");
  const double c = std::max(std::min(1.0, deviation), kNone * deviation);
  const double scale = step * std::numbers::inv_sqrtpi / (std::numbers::sqrt2 * deviation);
  for (int i = 0;; ++i) {
    const double u = kFirst + step * i, inner = std::exp(-u);
    const double z = c * std::exp(u - inner), x = z / deviation;
    if (x > kReach) return;
    take(z, scale * z * (1 + inner) * std::exp(-0.5 * x * x));
  }
}

}  // namespace

Rule squared_unit(model::Activation activation, double variance, double step) {
  const auto square = [&](double z) {
    const double value = model::activate(activation, z);
    return value * value;
  };
  if (!(variance > 0)) return {{square(0)}, {1.0}};
  Rule law;
  law.point.reserve(512);
  law.weight.reserve(512);
  double total = 0, limit = 0, rest = 0;
  const bool even = model::has_even_square(activation);
  half_normal(std::sqrt(variance), step, [&](double z, double weight) {
    law.point.push_back(square(z));
    law.weight.push_back(weight);
    total += weight;
    if (even) return;
    // Most activations are constant far below 0.
    const double below = square(-z);
    if (below != limit && rest > 0) {
      law.point.push_back(limit);
      law.weight.push_back(rest);
      rest = 0;
    }
    limit = below;
    rest += weight;
    total += weight;
  });
  if (rest > 0) {
    law.point.push_back(limit);
    law.weight.push_back(rest);
  }
  for (double& weight : law.weight) weight /= total;
  return law;
}

UnitMoments unit_moments(model::Activation activation, double variance) {
  const double at_zero = model::activate(activation, 0);
  if (!(variance > 0)) return {at_zero * at_zero, 0, 0, 0};
  const double deviation = std::sqrt(variance);
  // In units of a typical activation, so that no fourth power leaves the range of a double.
  const double unit = std::max(std::abs(model::activate(activation, deviation)), std::abs(at_zero));
  double total = 0, sums[3] = {}, second = 0;
  half_normal(deviation, 0.1, [&](double z, double weight) {
    const double up = model::activate(activation, z) / unit, down = model::activate(activation, -z) / unit;
    const double t = up * up + down * down, x = z / deviation, x2 = x * x;
    total += 2 * weight;
    sums[0] += weight * t;
    sums[1] += weight * t * (x2 - 1);
    sums[2] += weight * t * ((x2 - 6) * x2 + 3);
    second += weight * (up * up * up * up + down * down * down * down);
  });
  const double mean = sums[0] / total;
  if (!(mean > 0)) return {0, 0, 0, 0};
  return {unit * (unit * mean), sums[1] / sums[0] / 2, sums[2] / sums[0] / 4,
          std::fmax(0.0, second / total / (mean * mean) - 1)};
}

}  // namespace pyrometer::energy
