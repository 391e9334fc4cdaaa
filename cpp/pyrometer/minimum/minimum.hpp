// What every minimum shares: the data, the penalty and the certified answers.
#pragma once

#include <span>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// Second moments of a stack of systems: s systems, m rows each, p features; the target is the last of the p + 1
/// columns.
///
/// mean     s x (p+1)
/// scatter  s x (p+1) x (p+1), sums over rows of products of deviations from `mean`; symmetric, finite.
/// intercept  whether the model has a constant feature; it is no column here. n = p + intercept.
struct Moments {
  Index systems = 0;
  Index count = 0;
  Index features = 0;
  const double* mean = nullptr;
  const double* scatter = nullptr;
  bool intercept = true;

  [[nodiscard]] Index parameters() const { return features + (intercept ? 1 : 0); }
  [[nodiscard]] const double* mean_of(Index system) const { return mean + system * (features + 1); }
  [[nodiscard]] const double* scatter_of(Index system) const {
    return scatter + system * (features + 1) * (features + 1);
  }
  [[nodiscard]] Moments one(Index system) const {
    return {1, count, features, mean_of(system), scatter_of(system), intercept};
  }
};

/// weight * sum_j theta_j^2, or weight * sum_j |theta_j|; over the features, and the intercept if `on_intercept`.
struct Penalty {
  double weight = 0;
  bool on_intercept = true;
};

/// Where the answers go, one slot (or n numbers) for each system, or for each point of each system's path.
///
/// value           E*, never negative.
/// parameters      s x n, a minimiser, the intercept last; coefficients of dependent columns are 0 (a basic solution).
/// gap             E(parameters) - E* is at most this.
/// relative_error  |value - E*| / value is at most about this; infinity where only 0 of the value is certain.
/// condition       2-norm condition number of the centred columns (with the penalty's rows) scaled to length 1,
/// estimated
///                 to within a small factor; infinity where they are dependent; 1 for no columns.
/// parameter_error  s x n, upper bounds of the distance of each parameter from the exact minimiser's; infinity where no
///                 bound is known. The caller fills it with infinity.
/// rank            independent columns, the constant one not counted.
struct Minima {
  std::span<double> value;
  std::span<double> parameters;
  std::span<double> gap;
  std::span<double> relative_error;
  std::span<double> condition;
  std::span<double> parameter_error;
  std::span<Index> rank;

  /// A single slot, of n parameters.
  [[nodiscard]] Minima one(Index slot, Index n) const {
    const auto i = static_cast<std::size_t>(slot), k = static_cast<std::size_t>(n);
    return {value.subspan(i, 1),     parameters.subspan(i * k, k),      gap.subspan(i, 1), relative_error.subspan(i, 1),
            condition.subspan(i, 1), parameter_error.subspan(i * k, k), rank.subspan(i, 1)};
  }
};

}  // namespace pyrometer::minimum
