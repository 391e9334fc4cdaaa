// The accuracy of a lasso's minimum from rounded moments.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/moment_error.hpp"
#include "pyrometer/minimum/lasso/active_factor.hpp"
#include "pyrometer/minimum/lasso/point.hpp"

namespace pyrometer::minimum {

/// The equicorrelation set of a lasso's solution (columns whose gradient equals the subgradient bound of the penalty up
/// to rounding), and from its factor what the rounding of the moments may change.
class LassoAccuracy {
 public:
  /// theta  the parameters as they are returned. `factor` becomes that of the equicorrelation set: r^3 / 3 flops for r
  /// columns.
  LassoAccuracy(const LassoPoint& point, LassoFactor& factor, const double* theta, bool intercept);

  /// The expected error of the energy as the minimum: `relative_error` times its value.
  [[nodiscard]] double error(const LassoPoint::Certificate& solution) const;
  /// Writes all but the parameters to the one slot of `out`.
  void write(const LassoPoint::Certificate& solution, const Minima& out) const;

 private:
  [[nodiscard]] bool equicorrelated(Index j, double margin) const;
  [[nodiscard]] double of_slope(Index j) const;
  [[nodiscard]] double second(double units) const;
  [[nodiscard]] double of_dependence() const;
  [[nodiscard]] double along_carrier() const;
  [[nodiscard]] Index copies() const;
  [[nodiscard]] bool inactive_stay_zero(double reach) const;
  void bound(double gap, double* out) const;

  const LassoPoint& x_;
  const LassoFactor& factor_;
  MomentError error_;
  double mean_gradient_;
  ColumnMeans means_;
  double smallest_ = 0, dependence_ = 0, underflow_ = 0;
  Numbers diagonal_;  // of the inverse scaled covariances
};

}  // namespace pyrometer::minimum
