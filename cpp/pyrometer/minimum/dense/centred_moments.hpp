// One system's centred covariances, scaled and factored: what every minimum from moments starts from.
#pragma once

#include <algorithm>
#include <vector>

#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// S/m + l2 of one system of a stack, scaled and, where asked for, factored.
struct Centred {
  Factor factor;
  const double* scatter = nullptr;     ///< (p+1) x (p+1)
  const double* mean = nullptr;        ///< p, then the target's
  const double* target_row = nullptr;  ///< scatter of the target with each column
  const double* mean_error = nullptr;  ///< p + 1 each, as of Moments, or nullptr
  const double* scatter_error = nullptr;
  Index features = 0;
  double count = 0;
  double target_mean = 0;
  double target_variance = 0;
  double noise = 0;
  std::vector<double> deviation;  ///< root variances of the columns, then the target's
  std::vector<double> scale;      ///< of the columns; 0 for those that vary by their rounding only
  std::vector<double> inverse;    ///< of the scales; 0 for none

  double lost = 0;  ///< what errors of the scatter may do to the scaled covariances' eigenvalues

  /// A pivot below this is noise. What was lost is a bound: where it leaves nothing certain, columns that seem clearly
  /// independent are still the best guess.
  [[nodiscard]] double tolerance() const { return 4 * noise + std::min(lost, 1e-3); }

  /// Takes the system's moments, without a factor. Throws std::invalid_argument for moments that are not finite or have
  /// a negative diagonal. p^2 doubles read.
  void take(const Moments& data, Index system, double l2);
  /// Takes them and factors them.
  void assemble(const Moments& data, Index system, double l2);

  /// The place, among the pivots of `f`, of a dependent column whose mean is not made of the others': its coefficient
  /// moves the mean of the residuals at no cost in the centred part. -1 if there is none. `whitened` is f's
  /// forward(whiten(mean)).
  [[nodiscard]] static Index carrier(const Factor& f, const double* mean, const double* whitened, double noise);

  /// Covariances of the columns with the residuals of theta + low, (S_jy - S_j . (theta + low)) / m = high_j + rest_j,
  /// in twice the working precision; `low` may be nullptr. 20 flops an element of the columns with theta_j != 0.
  void covariances(const double* theta, const double* low, double* high, double* rest) const;

 private:
  void fill();
};

/// How many systems of p features make a chunk of about a millisecond.
[[nodiscard]] Index systems_at_once(Index features);

}  // namespace pyrometer::minimum
