#include "pyrometer/minimum/softmax/block_kernel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "pyrometer/base/exponential.hpp"
#include "pyrometer/base/fold.hpp"
#include "pyrometer/base/simd.hpp"

namespace pyrometer::minimum {
namespace {

using data::kBlock;
// Losses and probabilities beyond this distance from the largest logit are those at it.
constexpr double kFarthest = 350;

// ln(1 + x) for 0 <= x < 2^50.
[[gnu::always_inline]] inline double log_of(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(1 + x);
  const double fraction = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000) - 1;
  const double exponent = std::bit_cast<double>((bits >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
  const double small = x < 1 ? x : fraction;
  return base::log_one_plus(small) + (x < 1 ? 0.0 : exponent) * 0x1.62e42fefa39efp-1;
}

}  // namespace

template <class T>
void softmax_link(double* __restrict z, const double* __restrict allowed, Index classes, const T* __restrict labels,
                  const double* __restrict weight, Index depth, double* __restrict slope, double& loss, double& least) {
  constexpr double kNone = std::numeric_limits<double>::lowest();
  alignas(64) double y[kBlock], own[kBlock], other[kBlock], rest[kBlock], mine[kBlock], losses[kBlock];
  for (Index k = 0; k < depth; ++k) y[k] = static_cast<double>(labels[k]), own[k] = 0, other[k] = kNone;
  for (Index c = 0; c < classes; ++c) {
    double* const __restrict row = z + c * kBlock;
    const auto name = static_cast<double>(c);
    if (allowed)
      for (Index k = 0; k < depth; ++k) row[k] = allowed[c * kBlock + k] > 0 ? row[k] : kNone;
    for (Index k = 0; k < depth; ++k) {
      const bool is = y[k] == name;
      const double value = row[k], most = other[k] > value ? other[k] : value;
      own[k] = is ? value : own[k];
      other[k] = is ? other[k] : most;
    }
  }
  for (Index k = 0; k < depth; ++k) {
    rest[k] = own[k] - other[k];
    losses[k] = own[k] > other[k] ? own[k] : other[k];
  }
  least = base::fold(rest, depth, least, [](double a, double b) { return a < b ? a : b; });
  std::fill_n(rest, depth, 0.0);
  std::fill_n(mine, depth, 1.0);
  for (Index c = 0; c < classes; ++c) {
    double* const __restrict row = z + c * kBlock;
    const auto name = static_cast<double>(c);
    for (Index k = 0; k < depth; ++k) {
      const double distance = losses[k] - row[k], e = base::exp_minus(distance < kFarthest ? distance : kFarthest);
      row[k] = e;
    }
    if (allowed)
      for (Index k = 0; k < depth; ++k) row[k] *= allowed[c * kBlock + k];
    for (Index k = 0; k < depth; ++k) {
      const bool is = y[k] == name;
      const double e = row[k];
      mine[k] = is ? e : mine[k];
      rest[k] += is ? 0 : e;
    }
  }
  for (Index k = 0; k < depth; ++k) losses[k] = losses[k] - own[k] + log_of(rest[k] + (mine[k] - 1));
  for (Index k = 0; k < depth; ++k) own[k] = 1 / (rest[k] + mine[k]);
  if (weight)
    for (Index k = 0; k < depth; ++k) losses[k] *= weight[k];
  loss += base::fold(losses, depth, 0.0, [](double a, double b) { return a + b; });
  for (Index c = 0; c < classes; ++c) {
    double* const __restrict row = z + c * kBlock, * const __restrict to = slope + c * kBlock;
    const auto name = static_cast<double>(c);
    for (Index k = 0; k < depth; ++k) {
      const double p = row[k] * own[k], true_one = -rest[k] * own[k];
      to[k] = y[k] == name ? true_one : p;
      row[k] = p;
    }
    if (weight)
      for (Index k = 0; k < depth; ++k) to[k] *= weight[k];
  }
}

void scale_rows(const double* __restrict d, Index depth, Index panels, const double* __restrict root,
                double* __restrict scaled) {
  constexpr Index kL = base::kLanes<double>, kStride = kBlock * kL;
  for (Index n = 0; n < panels; ++n)
    for (Index k = 0; k < depth; ++k) {
      base::Vec<double> row;
      base::load(d + n * kStride + k * kL, row);
      row *= root[k];
      base::store<double>(scaled + n * kStride + k * kL, row);
    }
}

template void softmax_link(double*, const double*, Index, const double*, const double*, Index, double*, double&,
                           double&);
template void softmax_link(double*, const double*, Index, const float*, const double*, Index, double*, double&,
                           double&);

}  // namespace pyrometer::minimum
