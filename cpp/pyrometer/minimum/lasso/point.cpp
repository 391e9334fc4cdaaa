#include "pyrometer/minimum/lasso/point.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

void LassoPoint::start(const Moments& data, bool on_intercept, Index system) {
  centred.take(data, system, 0);
  features = data.features;
  constant = data.intercept && on_intercept;
  weight = data.intercept && !constant ? 0 : 1;
  theta.assign(at(features) + 1, 0.0);
  low = theta;
  covariance.assign(at(features), 0.0);
  rest = covariance;
  refresh();
}

void LassoPoint::refresh() {
  centred.covariances(theta.data(), low.data(), covariance.data(), rest.data());
  DoubleDouble mean_residual{centred.target_mean, 0};
  for (Index j = 0; j < features; ++j) {
    mean_residual.add_product(-at(theta, j), centred.mean[j]);
    mean_residual.add_product(-at(low, j), centred.mean[j]);
  }
  if (constant) mean_residual.add(DoubleDouble{-at(theta, features), -at(low, features)});
  rbar = weight > 0 ? mean_residual.value() : 0;
  rbar_low = weight > 0 ? (mean_residual.hi - rbar) + mean_residual.lo : 0;
}

void LassoPoint::shift(Index j, double by) {
  at(theta, j) += by;
  rbar -= weight * by * mean(j);
  if (j == features) return;
  const double* row = scatter(j);
  const double share = by / centred.count;
  double* q = covariance.data();
  for (Index k = 0; k < features; ++k) q[k] -= share * row[k];
}

bool LassoPoint::sweep() {
  bool changed = false;
  for (Index j = 0; j < coordinates(); ++j) {
    if (!movable(j)) continue;
    const double old = at(theta, j), gradient = slope(j) + curvature(j) * old;
    const double wanted = std::abs(gradient) > half ? (gradient - sign(gradient) * half) / curvature(j) : 0;
    if (wanted == old) continue;
    shift(j, wanted - old);
    at(theta, j) = wanted;
    changed = changed || sign(wanted) != sign(old);
  }
  return changed;
}

bool LassoPoint::enter() {
  bool entered = false;
  for (Index j = 0; j < coordinates(); ++j) {
    if (at(theta, j) != 0 || !movable(j)) continue;
    const double gradient = slope(j);
    if (std::abs(gradient) <= half * (1 + 4 * std::numeric_limits<double>::epsilon())) continue;
    shift(j, (gradient - sign(gradient) * half) / curvature(j));
    entered = true;
  }
  return entered;
}

LassoPoint::Certificate LassoPoint::certify() const {
  double squares = centred.target_variance, most = 0, length = 0;
  for (Index j = 0; j < features; ++j) {
    const double t = at(theta, j);
    if (t != 0) squares -= t * (centred.target_row[j] / centred.count + at(covariance, j));
  }
  squares = std::max(squares, 0.0) + weight * square(rbar);
  for (Index j = 0; j < coordinates(); ++j)
    if (movable(j)) most = std::max(most, std::abs(slope(j)));
  const double s = most > half ? half / most : 1;
  double gap = square(1 - s) * squares;
  for (Index j = 0; j < coordinates(); ++j) {
    const double t = at(theta, j);
    if (t == 0) continue;
    length += std::abs(t);
    gap += 2 * std::abs(t) * std::max(half - s * slope(j) * sign(t), 0.0);
  }
  return {squares + 2 * half * length, gap};
}

// E(theta) - E(theta + low) is low' G low + sum_j low_j (2 c_j - l1 sign theta_j); of low' G low
// only the part of the mean exceeds rounding squared.
double LassoPoint::rounded() const {
  double above = 0, low_mean = constant ? at(low, features) : 0;
  for (Index j = 0; j < features; ++j) low_mean += at(low, j) * centred.mean[j];
  for (Index j = 0; j < coordinates(); ++j) above += 2 * at(low, j) * (slope(j) - half * sign(at(theta, j)));
  return std::abs(above) + weight * square(low_mean);
}

}  // namespace pyrometer::minimum
