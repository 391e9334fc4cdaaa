// Feature-sign search: an active-set method for the lasso that terminates at its minimum.
#pragma once

#include <vector>

#include "pyrometer/minimum/lasso/active_factor.hpp"
#include "pyrometer/minimum/lasso/newton_step.hpp"
#include "pyrometer/minimum/lasso/point.hpp"

namespace pyrometer::minimum {

/// Repeats Newton steps for the current signs with an exact line search over changes of sign; at the minimum for the
/// signs, all violators of the optimality conditions enter.
///
/// One object for each thread; it reuses its memory.
class FeatureSignSearch {
 public:
  /// Moves the point to the minimum, or until the rounding of the moments changes the energy by more than `unknown`
  /// times its value. On return, what refresh() computes is up to date.
  LassoPoint::Certificate minimise(LassoPoint& point, LassoFactor& factor, double unknown);

 private:
  bool descend(LassoPoint& point, LassoFactor& factor);
  bool descend_flat(LassoPoint& point, const Factor& f);

  NewtonStep newton_;
  std::vector<Index> active_;
};

}  // namespace pyrometer::minimum
