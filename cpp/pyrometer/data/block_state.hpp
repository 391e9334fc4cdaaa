// Energy, entropy and divergence of samples represented by sums over blocks of rows.
#pragma once

#include <string_view>
#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// Formulas for the entropy of a sample, where C is the covariance of its d coordinates z and u its mean score:
///
///     normal     1/2 ln((2 pi e)^d |C|)                   features, and residuals of squared error
///     laplace    the same + ln(2 e u)                     u the mean absolute residual
///     bernoulli  the same + u                             u the mean entropy of the predicted label
///     scores     u                                        u the mean of -ln p under a given density
enum class Density { normal, laplace, bernoulli, scores };

/// The density of that name; throws std::invalid_argument for an unknown one.
[[nodiscard]] Density density_named(std::string_view name);

/// Treatment of a coordinate whose conditional variance given those before it is below 1e-12 of its variance, or whose
/// variance is rounding of its mean square: the fit fails (required), or the conditional variance is set to its minimum
/// (imposed).
enum class Least { required, imposed };

/// Number of sums over rows: 1, loss, score, z_j, and z_j z_k for j <= k, in this order.
[[nodiscard]] constexpr Index block_columns(Index d) { return 3 + d + d * (d + 1) / 2; }

/// The d with block_columns(d) = columns; throws std::invalid_argument if there is none.
[[nodiscard]] Index block_coordinates(Index columns);

/// A sample represented by the Gaussian of its moments. To be reused for samples of the same d: fit() does not
/// allocate.
class BlockState {
 public:
  explicit BlockState(Index d);

  /// Fits to block_columns(d) sums. False, with entropy nan, if the sample has no density: no rows, a Laplace
  /// distribution of zero width, or a coordinate with a conditional variance below 1e-12 of its variance, or a
  /// variance below 1e-12 of its mean square, unless imposed. The energy is nan without rows only. d^3 / 3 flops.
  [[nodiscard]] bool fit(const double* sums, Density density, Least least = Least::required);

  double energy = 0, entropy = 0;

  /// KL divergence of `now` from `old`, both fitted with this density, in nats; `scratch` holds d (d + 1) numbers.
  ///
  ///     1/2 [tr(C_old^-1 C_now) + m' C_old^-1 m - d + ln |C_old| / |C_now|],   m = apart + mean_now - mean_old
  ///
  /// apart  d numbers: what z of `now` is measured from less what z of `old` is; nullptr for 0.
  /// and for laplace additionally r - 1 - ln r, r = u_now / u_old. d^3 / 3 flops.
  friend double divergence(const BlockState& old, const BlockState& now, Density density, double* scratch,
                           const double* apart);

 private:
  Index d_;
  double score_ = 0, log_determinant_ = 0;
  std::vector<double> mean_, factor_;  // the lower Cholesky factor, row-major d x d
};

double divergence(const BlockState& old, const BlockState& now, Density density, double* scratch,
                  const double* apart = nullptr);

}  // namespace pyrometer::data
