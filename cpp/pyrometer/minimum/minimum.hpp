// Types shared by all minima: second moments, penalty and certified results.
#pragma once

#include <algorithm>
#include <limits>
#include <span>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// Second moments of a stack of systems: s systems, m rows each, p features; the target is the last of the p + 1
/// columns.
///
/// mean     s x (p+1)
/// count    m, or the sum of the weights of the rows; > 0.
/// scatter  s x (p+1) x (p+1), (weighted) sums over rows of products of deviations from `mean`; symmetric, finite.
/// intercept  whether the model has a constant feature; it is no column here. n = p + intercept.
/// mean_error, scatter_error  s x (p+1) each, or nullptr: bounds of errors of these moments beyond the rounding
///          of one pass over rows, |d mean_j| <= mean_error_j and |d scatter_jk| <= (scatter_error_j
///          scatter_error_k)^1/2.
struct Moments {
  Index systems = 0;
  double count = 0;
  Index features = 0;
  const double* mean = nullptr;
  const double* scatter = nullptr;
  bool intercept = true;
  const double* mean_error = nullptr;
  const double* scatter_error = nullptr;

  [[nodiscard]] Index parameters() const { return features + (intercept ? 1 : 0); }
  [[nodiscard]] const double* mean_of(Index system) const { return mean + system * (features + 1); }
  [[nodiscard]] const double* scatter_of(Index system) const {
    return scatter + system * (features + 1) * (features + 1);
  }
  /// Whether the moments of a single system have such errors.
  [[nodiscard]] bool had_lost() const {
    const auto any = [this](const double* errors) {
      return errors && std::any_of(errors, errors + features + 1, [](double x) { return x != 0; });
    };
    return any(mean_error) || any(scatter_error);
  }
  [[nodiscard]] Moments one(Index system) const {
    const Index skipped = system * (features + 1);
    return {1,
            count,
            features,
            mean_of(system),
            scatter_of(system),
            intercept,
            mean_error ? mean_error + skipped : nullptr,
            scatter_error ? scatter_error + skipped : nullptr};
  }
};

/// weight * sum_j theta_j^2, or weight * sum_j |theta_j|; over the features, and the intercept if `on_intercept`.
struct Penalty {
  double weight = 0;
  bool on_intercept = true;
};

/// Outputs, one element (or n numbers) for each system, or for each point of each system's path.
///
/// value           E*, never negative.
/// parameters      s x n, a minimiser, the intercept last. For least squares the one of least norm: the limit of a
///                 vanishing penalty, so the norm includes the intercept if the penalty does. For the lasso a basic
///                 solution.
/// gap             E(parameters) - E* is at most this.
/// relative_error  an estimated upper bound of |value - E*| / value; infinity if only E* >= 0 is certain.
/// condition       estimated 2-norm condition number of the centred columns (with the rows of the penalty) scaled to
///                 length 1, to within a small factor; 1 for no columns. If they are linearly dependent, from moments
///                 minus that of independent ones, or infinity, as always from rows.
/// parameter_error  s x n, upper bounds of the distance of each parameter from that of the exact minimiser; infinity if
///                 no bound is known. The caller initialises it to infinity.
/// rank            number of linearly independent columns, the constant one not counted.
struct Minima {
  std::span<double> value;
  std::span<double> parameters;
  std::span<double> gap;
  std::span<double> relative_error;
  std::span<double> condition;
  std::span<double> parameter_error;
  std::span<Index> rank;

  /// What a value, a gap and its bound may have lost to numbers below the normal doubles, of n parameters: a product
  /// that underflows is off by the least double, whatever its relative error.
  [[nodiscard]] static double underflow(Index n) {
    return static_cast<double>(4 + 2 * n) * std::numeric_limits<double>::denorm_min();
  }

  /// A single slot, of n parameters.
  [[nodiscard]] Minima one(Index slot, Index n) const {
    const auto i = at(slot), k = at(n);
    return {value.subspan(i, 1),     parameters.subspan(i * k, k),      gap.subspan(i, 1), relative_error.subspan(i, 1),
            condition.subspan(i, 1), parameter_error.subspan(i * k, k), rank.subspan(i, 1)};
  }
};

}  // namespace pyrometer::minimum
