// Kernels over one block of 64 rows.
#pragma once

#include <cmath>

#include "pyrometer/base/unaligned.hpp"
#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Eight doubles in a variable: one register, or a few.
typedef double Lanes __attribute__((vector_size(64)));
inline constexpr int kLanes = 8;
inline constexpr int kParts = static_cast<int>(kBlock) / kLanes;

/// Eight doubles of a block in memory: lanes(x, k).v.
using AnyLanes = base::Unaligned<double, sizeof(Lanes)>;
inline const AnyLanes& lanes(const double* from, int part) {
  return *reinterpret_cast<const AnyLanes*>(from + part * kLanes);
}
inline AnyLanes& lanes(double* to, int part) { return *reinterpret_cast<AnyLanes*>(to + part * kLanes); }

/// out = y - X theta for one block (y = 0 if null). 2 n flops a row.
inline void residuals(const double* x, const double* y, Index columns, const double* theta, double* out) {
  Lanes sum[kParts] = {};
  if (y)
    for (int k = 0; k < kParts; ++k) sum[k] = lanes(y, k).v;
  for (Index j = 0; j < columns; ++j) {
    const double t = theta[j];
    const double* column = x + j * kBlock;
    for (int k = 0; k < kParts; ++k) sum[k] -= lanes(column, k).v * t;
  }
  for (int k = 0; k < kParts; ++k) lanes(out, k).v = sum[k];
}

/// sum += a column's parts, each number times its factor. (Vectors go by reference: not every processor could return
/// one.)
inline void add_weighed(const double* column, const double* factor, Lanes& sum) {
  for (int k = 0; k < kParts; ++k) sum += lanes(column, k).v * lanes(factor, k).v;
}

inline double total(const Lanes& v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

/// a . b
inline double dot(const double* a, const double* b, Index size) {
  Lanes even{}, odd{};
  Index k = 0;
  for (; k + 2 * kLanes <= size; k += 2 * kLanes) {
    even += lanes(a + k, 0).v * lanes(b + k, 0).v;
    odd += lanes(a + k, 1).v * lanes(b + k, 1).v;
  }
  double sum = total(even + odd);
  for (; k < size; ++k) sum += a[k] * b[k];
  return sum;
}

/// A sum for each lane.
struct LaneSum {
  Lanes sum{};
};

inline double sign_of(double value) { return static_cast<double>((value > 0) - (value < 0)); }

}  // namespace pyrometer::minimum::absolute
