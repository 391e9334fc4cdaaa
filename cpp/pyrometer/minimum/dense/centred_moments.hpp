// The centred covariances of one system, scaled and factored: common to all minima from second moments.
#pragma once

#include <algorithm>
#include <vector>

#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/minimum.hpp"

namespace pyrometer::minimum {

/// S/m + l2 of one system of a stack, scaled and, after assemble(), factored.
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
  std::vector<double> deviation;  ///< standard deviations of the columns, then of the target
  std::vector<double> scale;      ///< of the columns; 0 for those that are constant up to rounding
  std::vector<double> inverse;    ///< 1 / scale; 0 for scale 0

  double lost = 0;  ///< bound of the effect of errors of the scatter on eigenvalues of the scaled covariances

  /// Pivots below this are rounding noise. `lost` is an upper bound: where it exceeds all pivots, columns that are
  /// clearly independent numerically are still taken to be so.
  [[nodiscard]] double tolerance() const { return 4 * noise + std::min(lost, 1e-3); }

  /// Reads the system's moments, without factoring. Throws std::invalid_argument for moments that are not finite or
  /// have a negative diagonal. p^2 doubles read.
  void take(const Moments& data, Index system, double l2);
  /// Reads and factors them. p^3 / 3 flops.
  void assemble(const Moments& data, Index system, double l2, int threads = 1);

  /// The pivot of `f` of a dependent column whose mean is not the same linear combination of the others' means: its
  /// coefficient changes the mean of the residuals without changing the centred part. -1 if there is none. `whitened`
  /// is f's forward(whiten(mean)).
  [[nodiscard]] static Index carrier(const Factor& f, const double* mean, const double* whitened, double noise);

  /// Covariances of the columns with the residuals of theta + low, (S_jy - S_j . (theta + low)) / m = high_j + rest_j,
  /// in double-double precision; `low` may be nullptr. 20 flops an element of the columns with theta_j != 0.
  void covariances(const double* theta, const double* low, double* high, double* rest) const;

 private:
  void fill();
};

/// The number of systems of p features in a chunk of about a millisecond.
[[nodiscard]] Index systems_at_once(Index features);

}  // namespace pyrometer::minimum
