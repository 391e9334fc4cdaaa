// Energy, entropy and divergence of samples that are known by sums over blocks of their rows.
#pragma once

#include <string_view>
#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// What the entropy of a sample is made of, where C is the covariance of its d coordinates z and u its mean score:
///
///     normal     1/2 ln((2 pi e)^d |C|)                   features, and residuals of squared error
///     laplace    the same + ln(2 e u)                     u the mean absolute residual
///     bernoulli  the same + u                             u the mean entropy of the label, as the model sees it
///     scores     u                                        u the mean of -ln p under a density that others have fitted
enum class Density { normal, laplace, bernoulli, scores };

/// By the word above; throws std::invalid_argument for another one.
[[nodiscard]] Density density_named(std::string_view name);

/// Whether a coordinate without variance beyond those before it is refused, or counts as one with the least share of
/// it that a density may have, 1e-12.
enum class Least { required, imposed };

/// Numbers that are summed over rows: 1, loss, score, z_j, and z_j z_k for j <= k, in this order.
[[nodiscard]] constexpr Index block_columns(Index d) { return 3 + d + d * (d + 1) / 2; }

/// The d of so many columns; throws std::invalid_argument if there is none.
[[nodiscard]] Index block_coordinates(Index columns);

/// A sample as the Gaussian of its moments. Made once for many samples of the same d: fit() allocates nothing.
class BlockState {
 public:
  explicit BlockState(Index d);

  /// Takes sums of block_columns(d) numbers. False, with entropy nan, if the sample has no density: no rows, a Laplace
  /// law of no width, or a coordinate whose share of variance beyond those before it is below 1e-12, unless that much
  /// is imposed. The energy is nan without rows only. d^3 / 3 flops.
  [[nodiscard]] bool fit(const double* sums, Density density, Least least = Least::required);

  double energy = 0, entropy = 0;

  /// KL divergence of `now` from `old`, both fitted with this density, in nats; `scratch` holds d (d + 1) numbers.
  ///
  ///     1/2 [tr(C_old^-1 C_now) + m' C_old^-1 m - d + ln |C_old| / |C_now|],   m = mean_now - mean_old
  ///
  /// and for laplace r - 1 - ln r besides, r = u_now / u_old. d^3 / 3 flops.
  friend double divergence(const BlockState& old, const BlockState& now, Density density, double* scratch);

 private:
  Index d_;
  double score_ = 0, log_determinant_ = 0;
  std::vector<double> mean_, factor_;  // the lower Cholesky factor, row-major d x d
};

double divergence(const BlockState& old, const BlockState& now, Density density, double* scratch);

}  // namespace pyrometer::data
