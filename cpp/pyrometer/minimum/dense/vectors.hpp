// Elementary vector loops of the dense kernels.
//
// Always inlined: files with and without contraction of a*b+c must not share one copy.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

using pyrometer::at;

/// x[i]
[[gnu::always_inline]] inline double& at(std::vector<double>& x, Index i) { return x[at(i)]; }
[[gnu::always_inline]] inline double at(const std::vector<double>& x, Index i) { return x[at(i)]; }

/// to -= a * from, over [begin, end).
[[gnu::always_inline]] inline void subtract(double* to, double a, const double* from, Index begin, Index end) {
  for (Index i = begin; i < end; ++i) to[i] -= a * from[i];
}

/// a . b over [begin, end), in eight partial sums, which are not limited by the latency of an addition.
[[gnu::always_inline]] inline double dot(const double* a, const double* b, Index begin, Index end) {
  double sum[8] = {};
  Index i = begin;
  for (; i + 8 <= end; i += 8)
    for (Index lane = 0; lane < 8; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  for (; i < end; ++i) sum[0] += a[i] * b[i];
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

}  // namespace pyrometer::minimum
