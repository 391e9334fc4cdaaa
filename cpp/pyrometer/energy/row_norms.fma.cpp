#include <algorithm>

#include "pyrometer/energy/eight_lanes.hpp"
#include "pyrometer/energy/row_norms.hpp"

namespace pyrometer::energy {
namespace {

template <class T>
[[gnu::always_inline]] inline void row_sum(const T* x, Index vectors, const double* weight, Lanes& sum) {
  Lanes value, w;
  load(x, value);
  load(weight, w);
  sum = w * value * value;
  for (Index j = 1; j < vectors; ++j) {
    load(x + 8 * j, value);
    load(weight + 8 * j, w);
    sum += w * value * value;
  }
}

// The sums of eight vectors, as one vector: halves are folded together until each lane holds its own row.
[[gnu::always_inline]] inline void transposed_sum(const Lanes (&a)[8], Lanes& out) {
  Lanes b[4], c[2];
  for (int i = 0; i < 4; ++i)
    b[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
           __builtin_shufflevector(a[2 * i], a[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  for (int i = 0; i < 2; ++i)
    c[i] = __builtin_shufflevector(b[2 * i], b[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
           __builtin_shufflevector(b[2 * i], b[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
  out = __builtin_shufflevector(c[0], c[1], 0, 1, 2, 3, 8, 9, 10, 11) +
        __builtin_shufflevector(c[0], c[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

}  // namespace

template <class T>
void weighted_squares(const T* X, Index rows, Index features, const double* weight, double constant, double* out) {
  const Index vectors = (features + kRowLanes - 1) / kRowLanes, padded = vectors * kRowLanes;
  Index i = 0;
  if (vectors > 0) {
    // The last vector of a row reaches into the next ones, where its weights are zero.
    for (; (i + 7) * features + padded <= rows * features; i += 8) {
      Lanes sums[8], total;
      for (int r = 0; r < 8; ++r) row_sum(X + (i + r) * features, vectors, weight, sums[r]);
      transposed_sum(sums, total);
      total += constant;
      store(out + i, total);
    }
  }
  for (; i < rows; ++i) {
    double lanes[kRowLanes] = {};
    const T* x = X + i * features;
    for (Index j = 0; j < features; ++j) {
      const double value = static_cast<double>(x[j]);
      lanes[j % kRowLanes] += weight[j] * value * value;
    }
    out[i] =
        constant + (((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])));
  }
}

template void weighted_squares<double>(const double*, Index, Index, const double*, double, double*);
template void weighted_squares<float>(const float*, Index, Index, const double*, double, double*);

}  // namespace pyrometer::energy
