// A point of the lasso's energy: parameters, residuals in second moments, value and duality gap.
#pragma once

#include <cmath>
#include <vector>

#include "pyrometer/minimum/dense/centred_moments.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {

using Numbers = std::vector<double>;

inline double sign(double x) { return x > 0 ? 1 : (x < 0 ? -1 : 0); }

/// One system's energy, E = mean r^2 + 2 half sum_j |theta_j|, at one point.
///
/// Coordinates 0 .. features-1 are the features, `features` the constant one where it is penalised; a free intercept is
/// eliminated. Parameters are sums of two doubles, theta + low: with a penalised intercept and large means the gradient
/// feels the rounding of a parameter long before the energy does, and a dual point needs a gradient that is right.
struct LassoPoint {
  struct Certificate {
    double value;
    double gap;
  };

  Centred centred;
  Index features = 0;
  bool constant = false;
  double weight = 0;  ///< of the squared mean of the residuals: 0 where a free intercept removes it
  double half = 0;    ///< l1 / 2
  double rbar = 0;    ///< mean of the residuals
  double rbar_low = 0;
  Numbers theta, low;        ///< features + 1
  Numbers covariance, rest;  ///< of each feature with the residuals, and what rounding left of it in refresh()

  /// Takes a system and starts at 0; `half` is the caller's to set.
  void start(const Moments& data, bool on_intercept, Index system);

  [[nodiscard]] Index coordinates() const { return features + (constant ? 1 : 0); }
  [[nodiscard]] const double* scatter(Index j) const { return centred.scatter + j * (features + 1); }
  [[nodiscard]] double mean(Index j) const { return j == features ? 1 : centred.mean[j]; }
  [[nodiscard]] double scale(Index j) const { return j == features ? 0 : at(centred.scale, j); }
  /// c_j = mean x_j r: half the fall of the squared error along j. Covariance and means may cancel to the size of
  /// the penalty, however small that is.
  [[nodiscard]] double slope(Index j) const {
    DoubleDouble sum;
    if (j < features) sum = {at(covariance, j), at(rest, j)};
    if (weight == 0) return sum.value();
    sum.add_product(weight * mean(j), rbar);
    sum.lo += weight * mean(j) * rbar_low;
    return sum.value();
  }
  [[nodiscard]] double curvature(Index j) const {
    return (j == features ? 0 : scatter(j)[j] / centred.count) + weight * square(mean(j));
  }
  /// Root mean square of what coordinate j moves the residuals by, where the penalty does not remove the mean.
  [[nodiscard]] double size(Index j) const { return scale(j) + weight * std::abs(mean(j)); }
  /// Whether the energy depends on coordinate j at all.
  [[nodiscard]] bool movable(Index j) const {
    return j == features || scale(j) > 0 || (weight > 0 && centred.mean[j] != 0);
  }

  /// Computes covariance and rbar from the parameters in twice the working precision. 20 flops an active element.
  void refresh();
  /// Minimises along every coordinate in turn. Returns whether a coordinate entered, left or changed sign.
  bool sweep();
  /// The same along the coordinates that are 0 and violate the optimality conditions. Returns whether there were any.
  bool enter();
  /// The energy, and how far it is at most above the minimum: see lasso().
  [[nodiscard]] Certificate certify() const;
  /// How far theta alone may lie above theta + low.
  [[nodiscard]] double rounded() const;

 private:
  void shift(Index j, double by);
};

}  // namespace pyrometer::minimum
