// The lasso's energy at one point: parameters, covariances of the residuals, value and duality gap.
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
/// eliminated. Parameters are double-double numbers, theta + low: with a penalised intercept and large means the
/// gradient is more sensitive to rounding of the parameters than the energy, and a dual point requires an accurate
/// gradient.
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
  Numbers covariance, rest;  ///< of each feature with the residuals, and its low part from refresh()

  /// Takes a system and starts at 0; `half` is the caller's to set.
  void start(const Moments& data, bool on_intercept, Index system);

  [[nodiscard]] Index coordinates() const { return features + (constant ? 1 : 0); }
  [[nodiscard]] const double* scatter(Index j) const { return centred.scatter + j * (features + 1); }
  [[nodiscard]] double mean(Index j) const { return j == features ? 1 : centred.mean[j]; }
  [[nodiscard]] double scale(Index j) const { return j == features ? 0 : at(centred.scale, j); }
  /// c_j = mean x_j r, the negative half gradient of the squared error. Covariance and means may cancel to the size of
  /// the penalty, hence double-double.
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
  /// Root mean square change of the residuals per unit of coordinate j.
  [[nodiscard]] double size(Index j) const { return scale(j) + weight * std::abs(mean(j)); }
  /// Whether the energy depends on coordinate j at all.
  [[nodiscard]] bool movable(Index j) const {
    return j == features || scale(j) > 0 || (weight > 0 && centred.mean[j] != 0);
  }

  /// Computes covariance and rbar from the parameters in double-double precision. 20 flops an active element.
  void refresh();
  /// Minimises along every coordinate in turn. Returns whether a coordinate entered, left or changed sign.
  bool sweep();
  /// The same along coordinates that are 0 and violate the optimality conditions. Returns whether there were any.
  bool enter();
  /// The energy and its duality gap: see lasso().
  [[nodiscard]] Certificate certify() const;
  /// Bound of the energy at theta minus the energy at theta + low.
  [[nodiscard]] double rounded() const;

 private:
  void shift(Index j, double by);
};

}  // namespace pyrometer::minimum
