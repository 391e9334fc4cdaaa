// What the errors of second moments do to a minimum that is found from them.
#pragma once

#include <algorithm>
#include <cmath>

#include "pyrometer/minimum/dense/centred_moments.hpp"

namespace pyrometer::minimum {

/// Sizes of the terms of a system's energy at theta, and from them how far errors of its moments move the minimum.
///
/// With t = (theta, -1), the energy is t' (S/m) t and a function of the mean t . mu, so to first order it changes by
/// t' (dS/m) t. Two kinds of errors enter:
///
/// - Rounding of the sums: dS_jk / m = u e_jk s_j s_k with deviations s, unit roundoff u = 2^-53 and errors e_jk that
///   are as good as independent, a few units in size. Then t' (dS/m) t is about 2^1/2 u e sum_j t_j^2 s_j^2: their
///   worst signs would give (sum_j |t_j| s_j)^2, which is never seen.
/// - What the moments had lost before (Moments::mean_error, scatter_error), with its worst signs:
///   (sum_j |t_j| d_j^1/2)^2 / m for |dS_jk| <= (d_j d_k)^1/2.
///
/// The minimiser moves by G^-1 times the change of the gradient, which raises the energy at second order: by the square
/// of that change over the eigenvalues of the scaled covariances.
struct MomentError {
  /// Units of roundoff that errors of sums are taken for where a bound is promised, and in `relative_error`: there
  /// fewer where there are few products, and where many columns' errors average.
  static constexpr double kWorst = 32;
  [[nodiscard]] static double expected(Index columns) {
    const auto p = static_cast<double>(columns);
    return columns <= 20 ? std::min(2.5 + 0.5 * p, 6.0) : 1.25 + 100 / p;
  }

  double squares = 0;       ///< sum_j t_j^2 s_j^2
  double means = 0;         ///< (sum_j t_j^2 (mu_j^2 + s_j^2))^1/2: near 0, a mean is rounded as its terms are
  double spread = 0;        ///< sum_j mu_j^2 / scale_j^2
  double lost = 0;          ///< sum_j |t_j| (d_j / m)^1/2
  double lost_mean = 0;     ///< sum_j |t_j| mean_error_j
  double lost_columns = 0;  ///< sum_j d_j / (m scale_j^2)

  MomentError(const Centred& c, const double* theta);

  /// Of the mean of the residuals. Means are sums of m numbers instead of m squares: a quarter of the units does.
  [[nodiscard]] double of_mean(double units) const;
  /// Of the energy at theta, its `value` and the rounding of that included; `pull` is its weight of the squared mean of
  /// the residuals times their mean.
  [[nodiscard]] double first(double units, double pull, double value) const;
  /// Of a column's covariance with the residuals, `weight` being the energy's of their squared mean.
  [[nodiscard]] double of_slope(const Centred& c, Index column, double weight, double pull) const;
  /// Of the energy's distance from the minimum. `trace`: of the inverse scaled covariances.
  [[nodiscard]] double second(double units, double pull, double trace) const;
  /// The distance from the minimum is `bound` at most, and the energy itself, as far as it is known: no energy is
  /// negative. Where all is lost, `bound` may be infinite or nan.
  [[nodiscard]] double gap(double bound, double pull, double value) const;
};

}  // namespace pyrometer::minimum
