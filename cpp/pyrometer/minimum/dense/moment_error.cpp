#include "pyrometer/minimum/dense/moment_error.hpp"

#include <cmath>
#include <limits>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {
namespace {

constexpr double kRoundoff = std::numeric_limits<double>::epsilon() / 2;

}  // namespace

MomentError::MomentError(const Centred& c, const double* theta) {
  const Index p = c.features;
  for (Index j = 0; j <= p; ++j) {
    const double t = j < p ? std::abs(theta[j]) : 1;
    squares += square(t * c.deviation[at(j)]);
    means += square(t * c.mean[j]);
    if (c.mean_error) lost_mean += t * c.mean_error[j];
    const double d = c.scatter_error ? c.scatter_error[j] / c.count : 0;
    lost += t * std::sqrt(d);
    if (j == p) break;
    const double inverse = c.inverse[at(j)];
    spread += square(c.mean[j] * inverse);
    lost_columns += d * inverse * inverse;
  }
  means = std::sqrt(means + squares);
}

double MomentError::of_mean(double units) const { return units / 4 * kRoundoff * means + lost_mean; }

double MomentError::first(double units, double mean_gradient, double value) const {
  return units * kRoundoff * (std::sqrt(2.0) * squares + 2 * value) + square(lost) +
         2 * std::abs(mean_gradient) * of_mean(units);
}

double MomentError::of_slope(const Centred& c, Index column, double weight, double mean_gradient) const {
  const double deviation = c.deviation[at(column)], mean = std::abs(c.mean[column]);
  const double before = c.scatter_error ? lost * std::sqrt(c.scatter_error[column] / c.count) : 0;
  const double own = kWorst / 4 * kRoundoff * (mean + deviation) + (c.mean_error ? c.mean_error[column] : 0);
  return kWorst * kRoundoff * deviation * std::sqrt(squares) + before + weight * mean * of_mean(kWorst) +
         std::abs(mean_gradient) * own;
}

double MomentError::of_gradient(double units, double mean_gradient) const {
  return square(units * kRoundoff) * (squares + square(mean_gradient) * spread) + square(lost) * lost_columns;
}

double MomentError::second(double units, double mean_gradient, double trace) const {
  return of_gradient(units, mean_gradient) * trace + square(of_mean(units));
}

double MomentError::gap(double bound, double mean_gradient, double value) const {
  // The intercept goes with the mean of the residuals, which the value takes for exact.
  const double most = value + first(kWorst, mean_gradient, value) + square(of_mean(kWorst));
  return bound <= most ? bound : most;
}

}  // namespace pyrometer::minimum
