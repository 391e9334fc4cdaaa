#include "pyrometer/minimum/lasso/feature_sign.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/minimum/dense/moment_error.hpp"

namespace pyrometer::minimum {
namespace {

struct Step {
  double length;
  double direction = 1;  // 1, or -1 for the opposite one
  Index zero = -1;       // the active coordinate that becomes 0 at the end of the step
  bool crosses = false;  // whether signs change before the end
};

// Exact line search: the energy along the direction is convex, quadratic between the changes of sign.
Step line_search(const LassoPoint& x, const std::vector<Index>& active, const Numbers& direction, bool flat) {
  Step step{flat ? 0.0 : 1.0};
  double gain = 0;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    gain += direction[i] * ((flat ? 0 : x.slope(j)) - x.half * sign(at(x.theta, j)));
  }
  if (flat && gain < 0) gain = -gain, step.direction = -1;
  const double curvature = flat ? 0 : gain;
  std::vector<std::pair<double, std::size_t>> crossings;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const double d = step.direction * direction[i], t = at(x.theta, active[i]);
    if (t != 0 && d * t < 0 && (flat || std::abs(d) > std::abs(t))) crossings.emplace_back(-t / d, i);
  }
  std::sort(crossings.begin(), crossings.end());
  double slope_sum = 0;
  for (const auto& [where, i] : crossings) {
    const double before = -gain + where * curvature + slope_sum;
    if (before >= 0 && !flat) break;  // the minimum lies before this change of sign
    slope_sum += 2 * x.half * std::abs(direction[i]);
    if (-gain + where * curvature + slope_sum >= 0) {
      step.length = where;
      step.zero = static_cast<Index>(i);
      return step;
    }
    step.crosses = true;
  }
  if (!flat) step.length = (gain - slope_sum) / curvature;
  return step;
}

// Moves along the direction to the minimum of the energy. The length is 0 where there is no step.
Step advance(LassoPoint& x, const std::vector<Index>& active, const Numbers& direction, bool flat) {
  const Step step = line_search(x, active, direction, flat);
  if (!(step.length > 0) || !std::isfinite(step.length)) return {0};
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    const bool zero = static_cast<Index>(i) == step.zero;
    DoubleDouble sum{at(x.theta, j), at(x.low, j)};
    sum.add(step.length * step.direction * direction[i]);
    at(x.theta, j) = zero ? 0 : sum.value();
    at(x.low, j) = zero ? 0 : (sum.hi - at(x.theta, j)) + sum.lo;
  }
  return step;
}

}  // namespace

// One step for the current signs, or one along each flat direction. Returns whether that is the minimum for the signs.
bool FeatureSignSearch::descend(LassoPoint& x, LassoFactor& factor) {
  active_.clear();
  for (Index j = 0; j < x.coordinates(); ++j)
    if (at(x.theta, j) != 0) active_.push_back(j);
  bool reached = true;
  if (!active_.empty()) {
    newton_.compute(x, factor, active_);
    if (newton_.flat() > 0) {
      reached = !descend_flat(x, factor.factor());
    } else {
      const Step step = advance(x, active_, newton_.direction(), false);
      reached = !(step.length > 0) || (step.zero < 0 && !step.crosses);
    }
  }
  x.refresh();
  return reached;
}

// At the end of each step a coordinate is 0, and stays: a multiple of its direction is taken from the later ones, so
// that one factor serves for all. Returns whether there was a step.
bool FeatureSignSearch::descend_flat(LassoPoint& x, const Factor& f) {
  std::vector<std::pair<Numbers, std::size_t>> taken;
  for (Index k = 0; k < newton_.flat(); ++k) {
    base::throw_if_interrupted();
    newton_.set_flat(f, k);
    Numbers direction = newton_.direction();
    for (const auto& [other, zero] : taken) {
      subtract(direction.data(), direction[zero] / other[zero], other.data(), 0, std::ssize(direction));
      direction[zero] = 0;
    }
    if (k > 0 && !std::ranges::all_of(direction, [](double d) { return std::isfinite(d); })) break;
    const Step step = advance(x, active_, direction, true);
    if (step.zero < 0) break;
    taken.emplace_back(std::move(direction), at(step.zero));
  }
  return !taken.empty();
}

LassoPoint::Certificate FeatureSignSearch::minimise(LassoPoint& x, LassoFactor& factor, double unknown) {
  const auto lost = [&](double value) {
    const MomentError error(x.centred, x.theta.data());
    return error.first(1, x.weight * x.rbar, value) > unknown * value;
  };
  Numbers best_theta, best_low;
  LassoPoint::Certificate best{0, std::numeric_limits<double>::infinity()};
  double lowest = best.gap;
  const Index limit = 200 + 20 * x.coordinates();
  int stale = 0;
  for (Index round = 0; round < limit && stale < 8; ++round) {
    base::throw_if_interrupted();
    const bool signs = descend(x, factor);
    const LassoPoint::Certificate now = x.certify();
    if (lost(now.value)) return now;
    if (!signs) continue;
    stale = now.gap < 0.5 * best.gap || now.value < lowest * (1 - 1e-12) ? 0 : stale + 1;
    lowest = std::min(lowest, now.value);
    if (now.gap <= 1e-14 * now.value) return now;
    if (now.gap < best.gap) best = now, best_theta = x.theta, best_low = x.low;
    if (!x.enter() && stale > 1) break;
  }
  if (best_theta.empty()) {  // the signs never converged
    x.refresh();
    return x.certify();
  }
  x.theta = best_theta;
  x.low = best_low;
  x.refresh();
  return best;
}

}  // namespace pyrometer::minimum
