#include "pyrometer/minimum/centred.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/vectors.hpp"

namespace pyrometer::minimum {

void Centred::take(const Moments& data, Index system, double l2) {
  features = data.features;
  count = static_cast<double>(data.count);
  scatter = data.scatter_of(system);
  mean = data.mean_of(system);
  const Index p = features, stride = p + 1;
  target_row = scatter + p * stride;
  noise = moment_noise(p);

  double nothing[8] = {};  // stays 0 unless something is nan or infinite
  Index cell = 0;
  for (; cell + 8 <= stride * stride; cell += 8)
    for (Index lane = 0; lane < 8; ++lane) nothing[lane] += 0 * scatter[cell + lane];
  for (; cell < stride * stride; ++cell) nothing[0] += 0 * scatter[cell];
  for (Index i = 0; i < stride; ++i) nothing[1] += 0 * mean[i];
  double finite = 0;
  for (const double lane : nothing) finite += lane;
  require(finite == 0, "moments must be finite, got nan or infinity in system ", system,
          "; rescale columns whose squares overflow");

  constexpr double rounding = 8 * std::numeric_limits<double>::epsilon();
  scale.resize(static_cast<std::size_t>(p));
  for (Index j = 0; j <= p; ++j) {
    const double variance = scatter[j * (stride + 1)] / count;
    require(variance >= 0, "variances must not be negative, got ", variance, " for column ", j, " of system ", system);
    if (j == p) {
      target_variance = variance;
      target_scale = std::sqrt(variance);
      target_mean = mean[j];
    } else {
      const bool constant = l2 == 0 && std::sqrt(variance) <= rounding * std::abs(mean[j]);
      scale[static_cast<std::size_t>(j)] = constant ? 0 : std::sqrt(variance + l2);
    }
  }
  inverse.resize(static_cast<std::size_t>(p));
  for (std::size_t j = 0; j < inverse.size(); ++j) inverse[j] = scale[j] > 0 ? 1 / scale[j] : 0;
}

void Centred::assemble(const Moments& data, Index system, double l2) {
  take(data, system, l2);
  const Index p = features, stride = p + 1;
  factor.prepare(p);
  for (Index j = 0; j < p; ++j) factor.scale(j) = scale[static_cast<std::size_t>(j)];
  for (Index i = 0; i < p; ++i) {
    const double* from = scatter + i * stride;
    double* to = factor.row(i);
    if (factor.scale(i) == 0) {
      std::fill(to + i, to + p, 0.0);
      continue;
    }
    // In two factors: their product could overflow.
    const double share = 1 / (count * factor.scale(i));
    for (Index j = i + 1; j < p; ++j) to[j] = from[j] * share * inverse[static_cast<std::size_t>(j)];
  }
  factor.run(tolerance());
}

Index Centred::carrier(const Factor& f, const double* mean, const double* whitened, double noise) {
  Index best = -1;
  double most = 64;  // times the rounding of what is left of the mean
  for (Index k = f.rank(); k < f.size(); ++k) {
    const double own = mean[f.column(k)];
    if (f.scale_at(k) == 0) {
      if (own != 0) return k;
      continue;
    }
    double terms = std::abs(own) / f.scale_at(k);
    for (Index i = 0; i < f.rank(); ++i) terms += std::abs(f.row(i)[k] * whitened[i]);
    const double certain = std::abs(whitened[k]) / (noise * terms);
    if (certain > most) most = certain, best = k;
  }
  return best;
}

double Centred::half_gradient(Index j, const double* theta) const {
  const double* row = scatter + j * (features + 1);
  return (row[features] - dot(row, theta, 0, features)) / count;
}

Index systems_at_once(Index features) {
  const Index cost = (features + 2) * (features + 2) * (features + 32);
  return std::max<Index>(1, 1'000'000 / cost);
}

}  // namespace pyrometer::minimum
