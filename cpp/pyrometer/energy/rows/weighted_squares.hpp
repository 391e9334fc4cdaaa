// Weighted sums of squares of rows, one row per lane.
//
// A sum over features is eight partial sums, of every eighth feature, which are then summed pairwise: rows are read
// contiguously, eight numbers at a time, and the order of additions is the same at every instruction-set level.
#pragma once

#include "pyrometer/base/simd.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

using Numbers = base::Vec<double>;
using Truths = base::Vec<std::int64_t>;

inline constexpr Index kLanes = base::kLanes<double>;
inline constexpr Index kColumns = 8;
inline constexpr Index kParts = kColumns / kLanes;  // vectors that hold eight columns of a row

/// The next multiple of kColumns, at least one.
inline Index padded(Index features) {
  return features > 0 ? (features + kColumns - 1) / kColumns * kColumns : kColumns;
}

/// Which of the last eight columns are features; the others belong to the next row.
struct Edge {
  Truths mask[kParts];

  explicit Edge(Index features) {
    for (Index j = 0; j < kColumns; ++j)
      mask[j / kLanes][j % kLanes] = j < features - (padded(features) - kColumns) ? -1 : 0;
  }
};

/// a(row, column) += weight(column) x(row, column)^2 for eight columns, or = if kFirst; x holds squares already if
/// kSquared.
template <bool kFirst, bool kSquared, bool kEdge, class T>
[[gnu::always_inline]] inline void add_columns(const T* x, Index stride, const double* weight, const Edge& edge,
                                               Numbers (&a)[kLanes][kParts]) {
#pragma GCC unroll 2
  for (Index part = 0; part < kParts; ++part) {
    Numbers w, v;
    base::load(weight + part * kLanes, w);
#pragma GCC unroll 8
    for (Index row = 0; row < kLanes; ++row) {
      base::load(x + row * stride + part * kLanes, v);
      if constexpr (kEdge) {
        const Truths bits = reinterpret_cast<Truths>(v) & edge.mask[part];
        v = reinterpret_cast<Numbers>(bits);
      }
      if constexpr (!kSquared) v *= v;
      if constexpr (kFirst)
        a[row][part] = w * v;
      else
        a[row][part] += w * v;
    }
  }
}

/// sums(row) = ((a0 + a4) + (a1 + a5)) + ((a2 + a6) + (a3 + a7)), by transposition of halves of vectors.
[[gnu::always_inline]] inline void sum_columns(const Numbers (&a)[kLanes][kParts], Numbers& sums) {
  Numbers b[4], c[2];
#if defined(__AVX512F__)
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    b[i] = __builtin_shufflevector(a[i][0], a[i + 4][0], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(a[i][0], a[i + 4][0], 4, 5, 6, 7, 12, 13, 14, 15);
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)
    c[i] = __builtin_shufflevector(b[2 * i], b[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
           __builtin_shufflevector(b[2 * i], b[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  sums = __builtin_shufflevector(c[0], c[1], 0, 1, 8, 9, 4, 5, 12, 13) +
         __builtin_shufflevector(c[0], c[1], 2, 3, 10, 11, 6, 7, 14, 15);
#else
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) b[i] = a[i][0] + a[i][1];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)
    c[i] = __builtin_shufflevector(b[2 * i], b[2 * i + 1], 0, 4, 2, 6) +
           __builtin_shufflevector(b[2 * i], b[2 * i + 1], 1, 5, 3, 7);
  sums = __builtin_shufflevector(c[0], c[1], 0, 1, 4, 5) + __builtin_shufflevector(c[0], c[1], 2, 3, 6, 7);
#endif
}

/// sums(row) = sum_j weight_j x(row, j)^2 for kLanes rows that begin `stride` numbers apart.
///
/// x       rows, read up to column padded(features); or their squares if kSquared, with zeros beyond the features.
/// weight  padded(features) finite numbers; beyond the features of any value.
///
/// Cost of a row: 3 flops for each of padded(features) columns, and 2 shuffles.
template <bool kSquared, class T>
[[gnu::always_inline]] inline void weighted_squares(const T* x, Index stride, Index features, const double* weight,
                                                    const Edge& edge, Numbers& sums) {
  Numbers a[kLanes][kParts];
  if (features <= kColumns) {
    add_columns<true, kSquared, !kSquared>(x, stride, weight, edge, a);
  } else {
    add_columns<true, kSquared, false>(x, stride, weight, edge, a);
    Index j = kColumns;
    for (; j + kColumns < features; j += kColumns)
      add_columns<false, kSquared, false>(x + j, stride, weight + j, edge, a);
    add_columns<false, kSquared, !kSquared>(x + j, stride, weight + j, edge, a);
  }
  sum_columns(a, sums);
}

}  // namespace pyrometer::energy
