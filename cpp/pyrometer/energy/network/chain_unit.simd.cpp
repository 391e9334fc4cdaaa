#include "pyrometer/energy/network/chain_unit.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "pyrometer/base/exponential.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/activate.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kReach = 13.5;     // deviations: beyond, even forty powers of z are below 1e-16 of their expectation
constexpr double kBeyond = 4;       // the same beyond the place, far away, where units become active
constexpr double kFarthest = 38.5;  // the same: the density is 0 there
constexpr double kMostLog = 700;    // of exp_minus()
constexpr double kFirst = -3.7;     // exp(u - e^{-u}) is 1e-19 there
constexpr double kFiner = 0.5;      // between kinks, where the density may fall to 0 at a small part of the interval
constexpr double kEnd = 3.4;        // 1 / (1 + exp(pi sinh t)) is 4e-21 there

// Deviations that are 0 compared with all others: pre-activations below have a probability of 1e-20.
constexpr double kLeastScale = 1e-20;

constexpr double kFading = 5;   // -z where units that fade are not 0 ...
constexpr double kFaded = 30;   // ... and beyond which they are
constexpr double kLongest = 2;  // panel in z where they do
constexpr double kStep = 0.1;   // of the quadrature for moments

constexpr double kPointsEach = 1.6;  // points of a panel, over the step

/// Points x = (z - shift) / deviation of a quadrature, and weights: at first those without the normal density.
struct Points {
  std::vector<double> x, weight;

  Points() {
    constexpr std::size_t kTypical = 128;
    x.reserve(kTypical);
    weight.reserve(kTypical);
  }
  void take(double point, double mass) {
    x.push_back(point);
    weight.push_back(mass);
  }
};

void require_finite(double deviation) {
  require(std::isfinite(deviation),
          "energies must be finite, got a pre-activation whose variance is not; use a smaller scale.");
}

/// Multiplied by the density.
void normal(Points& points) {
  constexpr double kScale = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  for (std::size_t i = 0; i < points.x.size(); ++i)
    points.weight[i] *= kScale * base::exp_minus(std::min(0.5 * points.x[i] * points.x[i], kMostLog));
  for (std::size_t i = 0; i < points.x.size(); ++i)
    if (const double half = 0.5 * points.x[i] * points.x[i]; half > kMostLog)
      points.weight[i] *= std::exp(kMostLog - half);
}

/// phi(shift + deviation x) / unit of each point.
std::vector<double> activated(model::Activation activation, const Points& points, double deviation, double shift,
                              double unit) {
  const std::size_t size = points.x.size();
  thread_local std::vector<base::Vec<double>> vectors;
  vectors.resize(size / base::kLanes<double> + 1);
  double* const values = reinterpret_cast<double*>(vectors.data());
  for (std::size_t i = 0; i < size; ++i) values[i] = shift + deviation * points.x[i];
  double squares[base::kLanes<double>] = {};
  activation_pass<double>(activation)(values, static_cast<Index>(vectors.size()), true, squares);
  std::vector<double> divided(values, values + size);
  for (double& value : divided) value /= unit;
  return divided;
}

/// The points exp(u - e^{-u}) of a half-line, u = kFirst + i step, ascending, and their derivatives along i.
struct HalfLine {
  double step = 0;
  std::vector<double> point, slope;
};

/// With all points up to `most`, and one beyond.
const HalfLine& half_line(double step, double most) {
  thread_local HalfLine line;
  if (line.step != step) line = {step, {}, {}};
  while (line.point.empty() || line.point.back() <= most) {
    const double u = kFirst + step * static_cast<double>(line.point.size()), inner = std::exp(-u);
    line.point.push_back(std::exp(u - inner));
    line.slope.push_back(step * line.point.back() * (1 + inner));
  }
  return line;
}

/// Points x > first.
void tail(double first, double c, double step, Points& points) {
  const double most = (kReach - first) / c;
  const HalfLine& line = half_line(step, most);
  const double *const point = line.point.data(), *const slope = line.slope.data();
  for (std::size_t i = 0; point[i] <= most; ++i) points.take(first + c * point[i], c * slope[i]);
}

/// Points 0 < x < last, x = last / (1 + exp(-pi sinh t)).
void interval(double last, double step, Points& points) {
  for (double t = -kEnd; t < kEnd; t += step) {
    const double share = 1 / (1 + std::exp(-std::numbers::pi * std::sinh(t)));
    const double rest = 1 / (1 + std::exp(std::numbers::pi * std::sinh(t)));
    points.take(last * share, step * std::numbers::pi * last * share * rest * std::cosh(t));
  }
}

/// The positive half-line, in two parts if there is a kink within reach; weights sum to 1 / 2.
Points half_normal(model::Activation activation, double deviation, double step) {
  require_finite(deviation);
  Points points;
  const double c = std::max(std::min(1.0, 1 / deviation), kLeastScale),
               kink = model::record_of(activation).kink / deviation;
  if (kink == 0 || kink > kReach) {
    tail(0, c, step, points);
  } else {
    interval(kink, kFiner * step, points);
    // Beyond the kink the density falls at the scale of 1 / kink.
    tail(kink, c * std::min(1.0, 1 / kink), step, points);
  }
  normal(points);
  return points;
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

/// Whether units far below 0 are small, but not 0.
bool fading(model::Activation activation) {
  return model::activate(activation, -1e150) == 0 && model::activate(activation, -kFading) != 0;
}

/// The whole line; weights sum to 1.
Points whole_normal(model::Activation activation, double deviation, double shift, double step, double shortest = 1) {
  require_finite(deviation);
  Points points;
  const Rule gauss = gauss_legendre(static_cast<int>(std::lround(kPointsEach / step)));
  // Where z is 0, and the shortest panel, in units of x: panels must not vanish beside rounding.
  const double zero = -shift / deviation, least = std::max({shortest / deviation, kLeastScale, 1e-15 * std::abs(zero)});
  // Units that are 0 far below are active above z = 0 only.
  const bool rare = zero > kReach - kBeyond && model::activate(activation, -1e150) == 0;
  const double most = rare ? std::min(zero + kBeyond, kFarthest) : kReach;
  // What is resolved with `shortest` panels beside z = 0 is so where else units are nearly 0.
  const model::ActivationRecord& record = model::record_of(activation);
  const bool fine = shortest < 1, vanishes = fine && record.kink > 0 && model::activate(activation, -record.kink) == 0;
  const bool fades = fine && fading(activation);
  const auto panel = [&](double from, double to) {
    const double half = 0.5 * (to - from), middle = from + half;
    for (std::size_t i = 0; i < gauss.size(); ++i) points.take(middle + half * gauss.point[i], half * gauss.weight[i]);
  };
  // From `from` to `to`, in panels as long as the distance from `about`.
  const auto panels = [&](double about, double from, double to) {
    double x = std::clamp(from, -kReach, most);
    for (const double end = std::clamp(to, -kReach, most); x != end;) {
      double length = std::min(1.0, std::max(least, std::abs(x - about)));
      if (fades && x <= zero && zero - x < kFaded / deviation)
        length = std::min(length, std::max(least, kLongest / deviation));
      const double next = x < end ? std::min(end, x + length) : std::max(end, x - length);
      panel(std::min(x, next), std::max(x, next));
      x = next;
    }
  };
  const double kink = record.kink / deviation;
  panels(zero, zero, zero + kink);
  panels(zero, zero + kink, most);
  if (vanishes) {
    panels(zero, zero, zero - kink / 2);
    panels(zero - kink, zero - kink, zero - kink / 2);
  } else {
    panels(zero, zero, zero - kink);
  }
  panels(zero, zero - kink, -kReach);
  normal(points);
  return points;
}

}  // namespace

Rule squared_unit(model::Activation activation, double variance, double step, double shift, double shortest) {
  if (!(variance > 0)) {
    const double value = model::activate(activation, shift);
    return {{value * value}, {1.0}};
  }
  const double deviation = std::sqrt(variance);
  const model::ActivationRecord& record = model::record_of(activation);
  const bool whole = shift != 0 || (shortest < 1 && (record.kink > 0 || fading(activation)));
  Points points =
      whole ? whole_normal(activation, deviation, shift, step, shortest) : half_normal(activation, deviation, step);
  Rule law{activated(activation, points, deviation, shift, 1), std::move(points.weight)};
  for (double& point : law.point) point *= point;
  if (!whole && !model::has_even_square(activation)) {
    // Most activations are constant far below 0.
    const std::vector<double> below = activated(activation, points, -deviation, 0, 1);
    const std::size_t size = below.size();
    for (std::size_t i = 0; i < size; ++i) {
      const double square = below[i] * below[i], weight = law.weight[i];
      if (law.size() > size && law.point.back() == square) {
        law.weight.back() += weight;
        continue;
      }
      law.point.push_back(square);
      law.weight.push_back(weight);
    }
  }
  double total = 0;
  for (const double weight : law.weight) total += weight;
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
  const Points points =
      shift != 0 ? whole_normal(activation, deviation, shift, kStep) : half_normal(activation, deviation, kStep);
  double total = 0, sums[3] = {}, second = 0;
  for (const double sign : {1.0, -1.0}) {
    if (shift != 0 && sign < 0) break;
    const std::vector<double> value = activated(activation, points, sign * deviation, shift, unit);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const double weight = points.weight[i], square = value[i] * value[i];
      const double x2 = points.x[i] * points.x[i];
      total += weight;
      sums[0] += weight * square;
      sums[1] += weight * square * (x2 - 1);
      sums[2] += weight * square * ((x2 - 6) * x2 + 3);
      second += weight * square * square;
    }
  }
  const double mean = sums[0] / total;
  if (!(mean > 0)) return {0, 0, 0, 0};
  return {unit * (unit * mean), sums[1] / sums[0] / 2, sums[2] / sums[0] / 4,
          std::fmax(0.0, second / total / (mean * mean) - 1)};
}

}  // namespace pyrometer::energy
