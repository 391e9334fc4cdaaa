// The micro-kernel of matrix products: a tile of C += A'B whose accumulators stay in registers.
//
// Both factors are packed in panels: a panel is kLanes<T> columns of a matrix, stored row after row, so that one row
// of it is one vector. Compile a file that uses this with contraction of a*b+c (name it *.fma.cpp).
#pragma once

#include "pyrometer/base/simd.hpp"

namespace pyrometer::base {

/// c(r, j) += sum_k a(k, r) b(k, j)   for r < R and the kLanes<T> * NB columns j of NB neighbouring panels.
///
/// a        panel of A: element (k, r) at a[k * kLanes<T> + r]; 1 <= R <= kLanes<T>.
/// b        first panel of B; the next begins `b_stride` elements later.
/// c        row r at c + r * c_stride. Read once, after the sum.
/// depth    number of rows k.
/// ahead    memory to prefetch, one line a row.
///
/// R * NB accumulators, NB vectors of b and one number of a at a time: with 32 registers (AVX-512, NEON) R = 8, NB = 3
/// leave four to spare; with 16 (AVX2) R = 4, NB = 3 fill them. The order of the sum is that of k.
///
/// Cost: 2 R NB kLanes flops a row for NB vector loads and R broadcasts: bound by arithmetic from NB = 2 on.
template <int R, int NB, class T>
[[gnu::always_inline]] inline void tile(Index depth, const T* __restrict a, const T* __restrict b, Index b_stride,
                                        T* __restrict c, Index c_stride, Ahead& ahead) {
  constexpr int L = kLanes<T>;
  Vec<T> sum[R][NB] = {};
  for (int r = 0; r < R; ++r) __builtin_prefetch(c + r * c_stride, 1, 3);
#pragma GCC unroll 2
  for (Index k = 0; k < depth; ++k) {
    ahead.fetch();
    Vec<T> right[NB];
#pragma GCC unroll 8
    for (int n = 0; n < NB; ++n) load(b + k * L + n * b_stride, right[n]);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const T left = a[k * L + r];
#pragma GCC unroll 8
      for (int n = 0; n < NB; ++n) sum[r][n] += left * right[n];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int n = 0; n < NB; ++n) {
      Vec<T> old;
      load(c + r * c_stride + n * L, old);
      store<T>(c + r * c_stride + n * L, old + sum[r][n]);
    }
  }
}

/// The upper triangle of C += A'A for one or two panels of A in one pass, of which the last has R columns.
///
/// c(r, j) += sum_k a(k, r) a(k, j) for the rows r and columns j of the first panel, and, with two panels, for the
/// first R rows of the second and all columns j: so additional columns add as many rows. With one panel only its first
/// R rows are computed. The second panel begins `a_stride` elements after the first.
template <int R, int Panels, class T>
[[gnu::always_inline]] inline void triangle(Index depth, const T* __restrict a, Index a_stride, T* __restrict c,
                                            Index c_stride, Ahead& ahead) {
  static_assert(Panels == 1 || Panels == 2);
  constexpr int L = kLanes<T>, First = Panels == 1 ? R : L;
  Vec<T> first[First] = {}, last[R][Panels] = {};
  for (Index k = 0; k < depth; ++k) {
    ahead.fetch();
    ahead.fetch();
    Vec<T> right[Panels];
#pragma GCC unroll 2
    for (int n = 0; n < Panels; ++n) load(a + k * L + n * a_stride, right[n]);
#pragma GCC unroll 16
    for (int r = 0; r < First; ++r) first[r] += a[k * L + r] * right[0];
    if constexpr (Panels == 2) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const T left = a[k * L + a_stride + r];
#pragma GCC unroll 2
        for (int n = 0; n < Panels; ++n) last[r][n] += left * right[n];
      }
    }
  }
  const auto add = [&](T* to, const Vec<T>& sum) {
    Vec<T> old;
    load(to, old);
    store<T>(to, old + sum);
  };
#pragma GCC unroll 16
  for (int r = 0; r < First; ++r) add(c + r * c_stride, first[r]);
  if constexpr (Panels == 2) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
      for (int n = 0; n < Panels; ++n) add(c + (L + r) * c_stride + n * L, last[r][n]);
    }
  }
}

}  // namespace pyrometer::base
