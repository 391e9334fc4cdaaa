#include "pyrometer/energy/network/chain_unit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pyrometer/base/require.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kReach = 13.5;  // deviations: beyond, even forty powers of z are below 1e-16 of their expectation
constexpr double kFirst = -3.7;  // exp(u - e^{-u}) is 1e-19 there
constexpr double kFiner = 0.5;   // between kinks, where the density may fall to 0 at a small part of the interval
constexpr double kEnd = 3.4;     // 1 / (1 + exp(pi sinh t)) is 4e-21 there

// Deviations that are 0 compared with all others: pre-activations below have a probability of 1e-20.
constexpr double kNone = 1e-20;

constexpr double kPointsEach = 1.6;  // points of a panel, over the step

void require_finite(double deviation) {
  require(std::isfinite(deviation),
          "energies must be finite, got a pre-activation whose variance is not; use a smaller scale.");
}

/// Calls take(z, weight) over z > first, with the density of a normal z of this deviation.
template <class Take>
void tail(double deviation, double first, double c, double step, Take take) {
  const double scale = step * std::numbers::inv_sqrtpi / (std::numbers::sqrt2 * deviation);
  for (int i = 0;; ++i) {
    const double u = kFirst + step * i, inner = std::exp(-u);
    const double past = c * std::exp(u - inner), z = first + past, x = z / deviation;
    if (x > kReach) return;
    take(z, scale * past * (1 + inner) * std::exp(-0.5 * x * x));
  }
}

/// The same over 0 < z < last, z = last / (1 + exp(-pi sinh t)).
template <class Take>
void interval(double deviation, double last, double step, Take take) {
  const double scale = step * std::sqrt(std::numbers::pi / 2) * last / deviation;
  for (double t = -kEnd; t < kEnd; t += step) {
    const double share = 1 / (1 + std::exp(-std::numbers::pi * std::sinh(t)));
    const double rest = 1 / (1 + std::exp(std::numbers::pi * std::sinh(t)));
    const double z = last * share, x = z / deviation;
    take(z, scale * share * rest * std::cosh(t) * std::exp(-0.5 * x * x));
  }
}

/// Calls take(z, weight) over the positive half-line, in two parts if there is a kink within reach; the weights of a
/// half-line sum to 1 / 2.
template <class Take>
void half_normal(model::Activation activation, double deviation, double step, Take take) {
  require_finite(deviation);
  const double c = std::max(std::min(1.0, deviation), kNone * deviation);
  const double kink = model::record_of(activation).kink;
  if (kink == 0 || kink > kReach * deviation) return tail(deviation, 0, c, step, take);
  interval(deviation, kink, kFiner * step, take);
  // Beyond the kink the density falls at the scale of deviation^2 / kink.
  tail(deviation, kink, c * std::min(1.0, deviation / kink), step, take);
}

/// Points and weights on [-1, 1], exact for polynomials of degree 2 size - 1: Newton's method on the Legendre
/// polynomial.
Rule gauss_legendre(int size) {
  Rule rule;
  for (int i = 0; i < size; ++i) {
    double x = -std::cos(std::numbers::pi * (i + 0.75) / (size + 0.5)), slope = 0;
    for (int step = 0; step < 6; ++step) {
      double before = 1, value = x;
      for (int k = 2; k <= size; ++k) {
        const double next = ((2 * k - 1) * x * value - (k - 1) * before) / k;
        before = value;
        value = next;
      }
      slope = size * (before - x * value) / (1 - x * x);
      x -= value / slope;
    }
    rule.point.push_back(x);
    rule.weight.push_back(2 / ((1 - x * x) * slope * slope));
  }
  return rule;
}

/// Calls take(x, weight), x = (z - shift) / deviation standard normal: weights sum to 1.
template <class Take>
void shifted_normal(model::Activation activation, double deviation, double shift, double step, Take take) {
  require_finite(deviation);
  const Rule gauss = gauss_legendre(static_cast<int>(std::lround(kPointsEach / step)));
  // Where z is 0, and the shortest panel, in units of x: panels must not vanish beside rounding.
  const double zero = -shift / deviation, least = std::max({1 / deviation, kNone, 1e-15 * std::abs(zero)});
  const auto panel = [&](double from, double to) {
    const double half = 0.5 * (to - from), middle = from + half;
    for (std::size_t i = 0; i < gauss.size(); ++i) {
      const double x = middle + half * gauss.point[i];
      take(x, half * gauss.weight[i] * std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    }
  };
  const auto length = [&](double x) { return std::min(1.0, std::max(least, std::abs(x - zero))); };
  // Kinks are ends of panels, but for those at a distance from 0 that is lost in rounding.
  const double kink = model::record_of(activation).kink / deviation;
  const auto end = [](double x, double to, double bent) { return bent != x && (x < bent) == (bent < to) ? bent : to; };
  for (double x = std::max(zero, -kReach); x < kReach;) {
    const double next = end(x, std::min(kReach, x + length(x)), zero + kink);
    panel(x, next);
    x = next;
  }
  for (double x = std::min(zero, kReach); x > -kReach;) {
    const double next = end(x, std::max(-kReach, x - length(x)), zero - kink);
    panel(next, x);
    x = next;
  }
}

}  // namespace

Rule squared_unit(model::Activation activation, double variance, double step, double shift) {
  const auto square = [&](double z) {
    const double value = model::activate(activation, z);
    return value * value;
  };
  if (!(variance > 0)) return {{square(shift)}, {1.0}};
  Rule law;
  law.point.reserve(512);
  law.weight.reserve(512);
  double total = 0, limit = 0, rest = 0;
  if (shift != 0) {
    const double deviation = std::sqrt(variance);
    shifted_normal(activation, deviation, shift, step, [&](double x, double weight) {
      law.point.push_back(square(shift + deviation * x));
      law.weight.push_back(weight);
      total += weight;
    });
    for (double& weight : law.weight) weight /= total;
    return law;
  }
  const bool even = model::has_even_square(activation);
  half_normal(activation, std::sqrt(variance), step, [&](double z, double weight) {
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

UnitMoments unit_moments(model::Activation activation, double variance, double shift) {
  const double at_rest = model::activate(activation, shift);
  if (!(variance > 0)) return {at_rest * at_rest, 0, 0, 0};
  const double deviation = std::sqrt(variance);
  // In units of a typical activation, so that no fourth power leaves the range of a double.
  double unit = std::max(std::abs(model::activate(activation, shift + deviation)), std::abs(at_rest));
  if (shift != 0)
    for (const double far : {-kReach, kReach})
      unit = std::max(unit, std::abs(model::activate(activation, shift + far * deviation)));
  if (!(unit > 0)) return {0, 0, 0, 0};
  double total = 0, sums[3] = {}, second = 0;
  // Squares and fourth powers of the activation at x and at -x, or at x alone.
  const auto add = [&](double x, double weight, double square, double fourth) {
    const double x2 = x * x;
    sums[0] += weight * square;
    sums[1] += weight * square * (x2 - 1);
    sums[2] += weight * square * ((x2 - 6) * x2 + 3);
    second += weight * fourth;
  };
  if (shift != 0) {
    shifted_normal(activation, deviation, shift, 0.1, [&](double x, double weight) {
      const double value = model::activate(activation, shift + deviation * x) / unit, square = value * value;
      total += weight;
      add(x, weight, square, square * square);
    });
  } else {
    half_normal(activation, deviation, 0.1, [&](double z, double weight) {
      const double up = model::activate(activation, z) / unit, down = model::activate(activation, -z) / unit;
      total += 2 * weight;
      add(z / deviation, weight, up * up + down * down, up * up * up * up + down * down * down * down);
    });
  }
  const double mean = sums[0] / total;
  if (!(mean > 0)) return {0, 0, 0, 0};
  return {unit * (unit * mean), sums[1] / sums[0] / 2, sums[2] / sums[0] / 4,
          std::fmax(0.0, second / total / (mean * mean) - 1)};
}

}  // namespace pyrometer::energy
