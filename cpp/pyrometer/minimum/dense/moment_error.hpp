// The effect of errors of second moments on a minimum computed from them.
#pragma once

#include <algorithm>
#include <cmath>

#include "pyrometer/minimum/dense/centred_moments.hpp"

namespace pyrometer::minimum {

/// The terms of a system's energy at theta, and from them bounds of the effect of errors of its moments.
///
/// With t = (theta, -1), the energy is t' (S/m) t and a function of the mean t . mu, so to first order it changes by
/// t' (dS/m) t. Two kinds of errors enter:
///
/// - Rounding of the sums: dS_jk / m = u e_jk s_j s_k with deviations s, unit roundoff u = 2^-53 and errors e_jk of
///   a few units that are practically independent. Then t' (dS/m) t is about 2^1/2 u e sum_j t_j^2 s_j^2; the worst
///   signs would give (sum_j |t_j| s_j)^2, which does not occur in practice.
/// - Earlier errors of the moments (Moments::mean_error, scatter_error), with the worst signs:
///   (sum_j |t_j| d_j^1/2)^2 / m for |dS_jk| <= (d_j d_k)^1/2.
///
/// The minimiser moves by G^-1 times the change of the gradient, which raises the energy at second order: by the square
/// of that change over the eigenvalues of the scaled covariances.
struct MomentError {
  /// The error of a sum in units of roundoff: kWorst in bounds; expected() in `relative_error`, fewer if there are few
  /// products, or if errors of many columns average.
  static constexpr double kWorst = 32;
  [[nodiscard]] static double expected(Index columns) {
    const auto p = static_cast<double>(columns);
    return columns <= 20 ? std::min(1.75 + 0.35 * p, 4.25) : 1.25 + (columns < 64 ? 60 : 100) / p;
  }

  /// Times this of dependent columns, whose sums have errors that are alike: those of an indicator and of the remaining
  /// rows differ in sign only, and years times an indicator have few values, of which each is rounded in one way.
  static constexpr double kAlike = 2.5;

  double squares = 0;       ///< sum_j t_j^2 s_j^2
  double means = 0;         ///< (sum_j t_j^2 (mu_j^2 + s_j^2))^1/2: near 0, a mean is rounded as its terms are
  double spread = 0;        ///< sum_j mu_j^2 / scale_j^2
  double lost = 0;          ///< sum_j |t_j| (d_j / m)^1/2
  double lost_mean = 0;     ///< sum_j |t_j| mean_error_j
  double lost_columns = 0;  ///< sum_j d_j / (m scale_j^2)

  MomentError(const Centred& c, const double* theta);

  /// Error of the mean of the residuals: a quarter of the units, because means are sums of numbers instead of squares.
  [[nodiscard]] double of_mean(double units) const;
  /// Of the energy at theta, its `value` and the rounding of that included; `mean_gradient` is its weight of the
  /// squared mean of the residuals times their mean.
  [[nodiscard]] double first(double units, double mean_gradient, double value) const;
  /// Of a column's covariance with the residuals, `weight` being the energy's of their squared mean.
  [[nodiscard]] double of_slope(const Centred& c, Index column, double weight, double mean_gradient) const;
  /// The square of that of the gradient, in units of the scaled columns.
  [[nodiscard]] double of_gradient(double units, double mean_gradient) const;
  /// Of the energy's distance from the minimum. `trace`: of the inverse scaled covariances.
  [[nodiscard]] double second(double units, double mean_gradient, double trace) const;
  /// The distance from the minimum is `bound` at most, and the energy itself, as far as it is known: no energy is
  /// negative. Where all is lost, `bound` may be infinite or nan.
  [[nodiscard]] double gap(double bound, double mean_gradient, double value) const;
};

}  // namespace pyrometer::minimum
