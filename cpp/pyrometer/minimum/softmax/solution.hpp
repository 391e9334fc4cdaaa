// The infimum of one system of a softmax cross entropy.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "pyrometer/minimum/softmax/faces.hpp"

namespace pyrometer::minimum {

/// The infimum of one system: sums over rows, parameters of all classes but the last.
struct Solution {
  double value = 0, gap = 0;
  bool attained = true;
  std::vector<double> theta;
  /// Along it the losses of separated rows tend to 0 and no other grows; empty if there is none.
  std::vector<double> direction;
  std::vector<double> errors;  ///< bounds of the errors of parameters of sum 0 over all classes; empty if unknown
  Index rank = 0, evaluations = 0;
  double lowered = 0;  ///< the part of the gap that dependent columns have
};

/// Bound of the losses of rows whose classes are all kFar below their own, whatever the rounding of that distance.
inline double negligible(double weight, Index others) {
  return 1.01 * std::exp(-kFar) * weight * static_cast<double>(others);
}

/// All rows are separated: the parameters are scaled so that the losses, of total weight `weight`, are negligible.
inline Solution all_separated(std::vector<double> theta, double least, double weight, Index others) {
  Solution out;
  const double factor = std::max(1.0, kFar / least);
  for (double& x : theta) x *= factor;
  out.direction = theta;
  out.theta = std::move(theta);
  out.attained = false;
  out.gap = negligible(weight, others);
  return out;
}

/// Zeros, where no parameters of doubles get to the infimum.
inline Solution zeros_instead(const Solution& found, double loss) {
  Solution out;
  out.value = out.gap = loss;
  out.theta.assign(found.theta.size(), 0.0);
  out.rank = found.rank;
  out.evaluations = found.evaluations;
  return out;
}

}  // namespace pyrometer::minimum
