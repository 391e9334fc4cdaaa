// The Newton step of a lasso for the current signs.
#pragma once

#include <vector>

#include "pyrometer/minimum/lasso/active_factor.hpp"
#include "pyrometer/minimum/lasso/point.hpp"

namespace pyrometer::minimum {

/// The step from a point to the minimum of the energy for its signs, over the active coordinates; or, where the
/// quadratic form is singular, directions along which only the penalty changes.
///
/// One object for each thread; it reuses its memory.
class NewtonStep {
 public:
  /// `active`  coordinates, at least one, a penalised intercept last; in the order of the factor's columns afterwards.
  ///
  /// Cost: that of the factor, and 6 a^2 flops for a columns.
  void compute(const LassoPoint& point, LassoFactor& factor, std::vector<Index>& active);

  /// One number for each active coordinate; of the step, where there are no flat directions, until set_flat().
  [[nodiscard]] const Numbers& direction() const { return direction_; }
  /// How many independent directions there are along which only the penalty changes.
  [[nodiscard]] Index flat() const { return flat_; }
  /// Makes the direction the one of these with number k. 2 a^2 flops.
  void set_flat(const Factor& f, Index k);

 private:
  void set_gradient(const LassoPoint& point, const std::vector<Index>& active, bool with_constant);
  void set_minimiser(const Factor& f);
  double eliminate_mean(const Factor& f);
  [[nodiscard]] double mean_along() const;
  void add_null_vector(const Factor& f, Index k, double share);

  Index flat_ = 0;
  Numbers direction_, gradient_;
  Numbers whitened_;  // the gradient
  ColumnMeans means_;
};

}  // namespace pyrometer::minimum
