#include "pyrometer/minimum/dense/centred_moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {
namespace {

// high + rest -= (t + below) * row + (other_t + other_below) * other, in double-double precision.
void take_away(double t, double below, const double* row, double other_t, double other_below, const double* other,
               Index size, double* __restrict high, double* __restrict rest) {
  for (Index k = 0; k < size; ++k) {
    const double first = -t * row[k], second = -other_t * other[k];
    const double sum = high[k] + first, part = sum - high[k], both = sum + second, more = both - sum;
    rest[k] +=
        ((high[k] - (sum - part)) + (first - part) + product_error(-t, row[k], first) - below * row[k]) +
        ((sum - (both - more)) + (second - more) + product_error(-other_t, other[k], second) - other_below * other[k]);
    high[k] = both;
  }
}

}  // namespace

void Centred::take(const Moments& data, Index system, double l2) {
  features = data.features;
  count = data.count;
  scatter = data.scatter_of(system);
  mean = data.mean_of(system);
  const Index p = features, stride = p + 1;
  target_row = scatter + p * stride;
  mean_error = data.mean_error ? data.mean_error + system * stride : nullptr;
  scatter_error = data.scatter_error ? data.scatter_error + system * stride : nullptr;
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
  scale.resize(at(p));
  deviation.resize(at(stride));
  for (Index j = 0; j <= p; ++j) {
    const double variance = scatter[j * (stride + 1)] / count;
    require(variance >= 0, "variances must not be negative, got ", variance, " for column ", j, " of system ", system);
    deviation[at(j)] = std::sqrt(variance);
    if (j == p) {
      target_variance = variance;
      target_mean = mean[j];
    } else {
      const bool constant = l2 == 0 && std::sqrt(variance) <= rounding * std::abs(mean[j]);
      scale[at(j)] = constant ? 0 : std::sqrt(variance + l2);
    }
  }
  inverse.resize(at(p));
  for (std::size_t j = 0; j < inverse.size(); ++j) inverse[j] = scale[j] > 0 ? 1 / scale[j] : 0;
  lost = 0;
  for (Index j = 0; j < p && scatter_error; ++j) lost += scatter_error[j] / count * square(inverse[at(j)]);
}

void Centred::assemble(const Moments& data, Index system, double l2, int threads) {
  constexpr Index kMany = 64;
  take(data, system, l2);
  // Many columns are first factored without pivoting, which suffices if they are well conditioned.
  if (features >= kMany && std::all_of(scale.begin(), scale.end(), [](double x) { return x > 0; })) {
    factor.prepare(0);
    factor.keep(0, features);
    fill();
    if (factor.append(threads)) return;
  }
  factor.prepare(features);
  fill();
  factor.run(tolerance(), tolerance());
}

// Fills the factor with the scaled covariances.
void Centred::fill() {
  const Index p = features, stride = p + 1;
  for (Index j = 0; j < p; ++j) factor.scale(j) = scale[at(j)];
  for (Index i = 0; i < p; ++i) {
    const double* from = scatter + i * stride;
    double* to = factor.row(i);
    if (factor.scale(i) == 0) {
      std::fill(to + i, to + p, 0.0);
      continue;
    }
    // In two factors: their product could overflow.
    const double share = 1 / (count * factor.scale(i));
    for (Index j = i + 1; j < p; ++j) to[j] = from[j] * share * inverse[at(j)];
  }
}

Index Centred::carrier(const Factor& f, const double* mean, const double* whitened, double noise) {
  const Index r = f.rank();
  if (r == f.size()) return -1;
  std::vector<double> certain(at(f.size()), 0.0);
  double most = 0;
  std::vector<double> made(at(r)), means(whitened, whitened + r);
  f.backward(means.data());
  const double length = std::sqrt(dot(means.data(), means.data(), 0, r));
  for (Index k = r; k < f.size(); ++k) {
    const double own = mean[f.column(k)];
    if (f.scale_at(k) == 0) {
      if (own != 0) return k;
      continue;
    }
    double terms = 1 + std::abs(own) / f.scale_at(k);  // the rounding error of a mean, relative to the scale
    for (Index i = 0; i < r; ++i) terms += std::abs(f.row(i)[k] * whitened[i]);
    // Errors of the covariances change the coefficients of the dependence, and so the remainder of the mean.
    f.dependence(k, made.data());
    terms += length * std::sqrt(1 + dot(made.data(), made.data(), 0, r));
    at(certain, k) = std::abs(whitened[k]) / (noise * terms);
    most = std::max(most, at(certain, k));
  }
  // Of several candidates of similar certainty the one of the largest scale, as in Factor.
  constexpr double kClear = 64, kTie = 0.5;  // kClear in units of the rounding error of the remainder
  Index best = -1;
  for (Index k = r; k < f.size(); ++k)
    if (at(certain, k) > std::max(kClear, kTie * most) && (best < 0 || f.scale_at(k) > f.scale_at(best))) best = k;
  return best;
}

void Centred::covariances(const double* theta, const double* low, double* high, double* rest) const {
  const auto row = [this](Index j) { return scatter + j * (features + 1); };
  const auto below = [low](Index j) { return low ? low[j] : 0; };
  const auto next_active = [&](Index j) {
    while (j < features && theta[j] == 0) ++j;
    return j;
  };
  for (Index k = 0; k < features; ++k) high[k] = target_row[k], rest[k] = 0;
  for (Index i = next_active(0); i < features;) {  // two at a time, which halves the memory traffic of the sums
    const Index j = next_active(i + 1);
    const bool pair = j < features;
    take_away(theta[i], below(i), row(i), pair ? theta[j] : 0, pair ? below(j) : 0, row(pair ? j : i), features, high,
              rest);
    i = pair ? next_active(j + 1) : features;
  }
  for (Index k = 0; k < features; ++k) {
    const double sum = high[k] + rest[k], quotient = sum / count, product = quotient * count;
    const double remainder = (sum - product) - product_error(quotient, count, product);
    rest[k] = (remainder + ((high[k] - sum) + rest[k])) / count;
    high[k] = quotient;
  }
}

Index systems_at_once(Index features) {
  const Index cost = (features + 2) * (features + 2) * (features + 32);
  return std::max<Index>(1, 1'000'000 / cost);
}

}  // namespace pyrometer::minimum
