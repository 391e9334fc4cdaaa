#include "pyrometer/data/block_state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "pyrometer/base/require.hpp"

namespace pyrometer::data {
namespace {

constexpr double kLeastShare = 1e-12;

// The minimum conditional variance of a coordinate that has a density; 0 only if all its values are 0.
double least_of(double covariance, double square) {
  return std::max(kLeastShare * std::max(covariance, kLeastShare * square), std::numeric_limits<double>::min());
}

}  // namespace

Density density_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Density> table[] = {{"normal", Density::normal},
                                                                   {"laplace", Density::laplace},
                                                                   {"bernoulli", Density::bernoulli},
                                                                   {"scores", Density::scores}};
  for (const auto& [known, density] : table)
    if (known == name) return density;
  require(false, "density must be normal, laplace, bernoulli or scores, got '", name, "'");
  return Density::normal;
}

Index block_coordinates(Index columns) {
  Index d = 0;
  while (block_columns(d) < columns) ++d;
  require(block_columns(d) == columns, "sums must have 3 + d + d (d + 1) / 2 columns for some d >= 0, got ", columns);
  return d;
}

BlockState::BlockState(Index d) : d_(d), mean_(at(d)), factor_(at(d * d)) {}

bool BlockState::fit(const double* sums, Density density, Least least) {
  const double rows = sums[0];
  energy = entropy = NAN;
  if (!(rows > 0)) return false;
  energy = sums[1] / rows;
  score_ = sums[2] / rows;
  const double *const first = sums + 3, *const second = first + d_;
  for (Index j = 0; j < d_; ++j) mean_[at(j)] = first[j] / rows;
  log_determinant_ = 0;
  for (Index j = 0; j < d_; ++j) {
    double* const row = factor_.data() + j * d_;
    for (Index k = 0; k <= j; ++k) {
      const double* const other = factor_.data() + k * d_;
      const double square = second[k * d_ - k * (k - 1) / 2 + j - k] / rows;
      const double covariance = square - mean_[at(j)] * mean_[at(k)];
      double remainder = covariance;
      for (Index i = 0; i < k; ++i) remainder -= row[i] * other[i];
      if (k < j) {
        row[k] = remainder / other[k];
      } else {
        if (least == Least::imposed)
          remainder = std::max(remainder, least_of(covariance, square));
        else if (!(remainder > kLeastShare * covariance && covariance > kLeastShare * square))
          return false;
        row[k] = std::sqrt(remainder);
        log_determinant_ += std::log(remainder);
      }
    }
  }
  if (density == Density::scores) {
    entropy = score_;
    return true;
  }
  const double normal = 1 + std::log(2 * std::numbers::pi);
  entropy = 0.5 * (static_cast<double>(d_) * normal + log_determinant_);
  if (density == Density::bernoulli) entropy += score_;
  if (density == Density::laplace) {
    if (!(score_ > 0)) {
      entropy = NAN;
      return false;
    }
    entropy += 1 + std::log(2 * score_);
  }
  return true;
}

double divergence(const BlockState& old, const BlockState& now, Density density, double* scratch, const double* apart) {
  const Index d = old.d_;
  double *const solved = scratch, *const away = scratch + d * d;  // the old factor's inverse times the new one, times m
  double squares = 0;
  for (Index r = 0; r < d; ++r) {
    const double* const row = old.factor_.data() + r * d;
    for (Index c = 0; c <= r; ++c) {
      double rest = now.factor_[at(r * d + c)];
      for (Index i = c; i < r; ++i) rest -= row[i] * solved[i * d + c];
      solved[r * d + c] = rest /= row[r];
      squares += rest * rest;
    }
    double rest = now.mean_[at(r)] - old.mean_[at(r)];
    if (apart) rest += apart[r];
    for (Index i = 0; i < r; ++i) rest -= row[i] * away[i];
    away[r] = rest /= row[r];
    squares += rest * rest;
  }
  double result = 0.5 * (squares - static_cast<double>(d) + old.log_determinant_ - now.log_determinant_);
  if (density == Density::laplace) {
    const double share = now.score_ / old.score_;
    result += share - 1 - std::log(share);
  }
  return result;
}

}  // namespace pyrometer::data
