#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "pyrometer/base/exponential.hpp"
#include "pyrometer/base/fold.hpp"
#include "pyrometer/base/simd.hpp"
#include "pyrometer/minimum/logistic/block_kernel.hpp"

namespace pyrometer::minimum {
namespace {

using base::load;
using base::store;
using V = base::Vec<double>;
constexpr int kL = base::kLanes<double>;
constexpr Index kStride = data::kBlock * kL;

// Sums of neighbouring lanes, of a then of b. log2(kL) applications reduce kL vectors to the vector of their sums.
template <int... I>
[[gnu::always_inline]] inline void pair_sums(const V& a, const V& b, V& out, std::integer_sequence<int, I...>) {
  out = __builtin_shufflevector(a, b, 2 * I...) + __builtin_shufflevector(a, b, (2 * I + 1)...);
}

[[gnu::always_inline]] inline void lane_sums(V (&v)[kL]) {
#pragma GCC unroll 4
  for (int count = kL; count > 1; count /= 2) {
#pragma GCC unroll 8
    for (int r = 0; r < count / 2; ++r) pair_sums(v[2 * r], v[2 * r + 1], v[r], std::make_integer_sequence<int, kL>{});
  }
}

[[gnu::always_inline]] inline void absolute(const V& v, V& out) {
  typedef std::int64_t Bits __attribute__((vector_size(base::kVectorBytes)));
  out = reinterpret_cast<V>(reinterpret_cast<Bits>(v) & INT64_MAX);
}

// Losses, slopes and weights beyond this margin are those at it.
constexpr double kFarthest = 350;

using base::exp_minus;
using base::log_one_plus;

}  // namespace

void project(const double* d, Index depth, Index panels, const double* theta, double* t) {
  for (Index k = 0; k < depth; k += kL) {
    V rows[kL] = {};
    for (Index n = 0; n < panels; ++n) {
      V parameters;
      load(theta + n * kL, parameters);
      const double* from = d + n * kStride + k * kL;
#pragma GCC unroll 8
      for (int r = 0; r < kL; ++r) {
        V v;
        load(from + r * kL, v);
        rows[r] += v * parameters;
      }
    }
    lane_sums(rows);
    store<double>(t + k, rows[0]);
  }
}

template <class T>
void slopes(const double* __restrict t, const T* __restrict y, Index depth, double* __restrict slope,
            const double* __restrict weights) {
  for (Index k = 0; k < depth; ++k) {
    const double sign = 2 * static_cast<double>(y[k]) - 1, margin = sign * t[k], size = std::fabs(margin);
    const double e = exp_minus(size < kFarthest ? size : kFarthest);
    slope[k] = -sign * (margin >= 0 ? e : 1) / (1 + e);
  }
  for (Index k = 0; weights && k < depth; ++k) slope[k] *= weights[k];
}

template <class T>
void link(const double* __restrict t, const T* __restrict y, Index depth, double* __restrict slope,
          double* __restrict root, double* __restrict losses, double& loss, double& least,
          const double* __restrict weights) {
  for (Index k = 0; k < depth; ++k) {
    const double sign = 2 * static_cast<double>(y[k]) - 1, margin = sign * t[k], size = std::fabs(margin);
    const double a = size < kFarthest ? size : kFarthest;
    const double e = exp_minus(a), upper = 1 / (1 + e), lower = e * upper;
    slope[k] = -sign * (margin >= 0 ? lower : upper);
    root[k] = std::sqrt(lower * upper);
    losses[k] = log_one_plus(e) + (margin >= 0 ? 0 : size);
  }
  for (Index k = 0; weights && k < depth; ++k) {
    slope[k] *= weights[k];
    root[k] *= std::sqrt(weights[k]);
    losses[k] *= weights[k];
  }
  loss += base::fold(losses, depth, 0.0, [](double a, double b) { return a + b; });
  for (Index k = 0; k < depth; ++k) losses[k] = (2 * static_cast<double>(y[k]) - 1) * t[k];
  least = std::min(least, base::fold(losses, depth, INFINITY, [](double a, double b) { return b < a ? b : a; }));
}

void weigh(const double* d, Index depth, Index panels, const double* slope, const double* root, double* scaled,
           double* gradient, double* size, const void* ahead, Index ahead_bytes) {
  base::Ahead fetch{reinterpret_cast<std::uintptr_t>(ahead),
                    static_cast<std::uintptr_t>(ahead_bytes / (panels * depth))};
  for (Index n = 0; n < panels; ++n) {
    const double* panel = d + n * kStride;
    double* to = scaled ? scaled + n * kStride : nullptr;
    V sums[4] = {}, sizes[4] = {};
    const auto row = [&](Index k, int lane) {
      V v, term, positive;
      fetch.fetch();
      load(panel + k * kL, v);
      term = slope[k] * v;
      sums[lane] += term;
      if (size) {
        absolute(term, positive);
        sizes[lane] += positive;
      }
      if (to) store<double>(to + k * kL, root[k] * v);
    };
    Index k = 0;
    for (; k + 4 <= depth; k += 4) {
      row(k, 0);
      row(k + 1, 1);
      row(k + 2, 2);
      row(k + 3, 3);
    }
    for (; k < depth; ++k) row(k, 0);
    const auto add = [](double* total, const V(&four)[4]) {
      V old;
      load(total, old);
      store<double>(total, old + ((four[0] + four[1]) + (four[2] + four[3])));
    };
    add(gradient + n * kL, sums);
    if (size) add(size + n * kL, sizes);
  }
}

void stretch(const double* d, Index depth, Index panels, double* reach) {
  for (Index n = 0; n < panels; ++n) {
    V most;
    load(reach + n * kL, most);
    for (Index k = 0; k < depth; ++k) {
      V v, positive;
      load(d + n * kStride + k * kL, v);
      absolute(v, positive);
      most = positive > most ? positive : most;
    }
    store<double>(reach + n * kL, most);
  }
}

template void slopes(const double*, const double*, Index, double*, const double*);
template void slopes(const double*, const float*, Index, double*, const double*);
template void link(const double*, const double*, Index, double*, double*, double*, double&, double&, const double*);
template void link(const double*, const float*, Index, double*, double*, double*, double&, double&, const double*);

}  // namespace pyrometer::minimum
