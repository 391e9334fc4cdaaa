// Sums of products of packed columns: the kernel of second moments.
#pragma once

#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/block.hpp"

namespace pyrometer::data {

/// Number of panels for `columns` columns, and the length of a row padded to whole panels.
[[nodiscard]] constexpr Index panels(Index columns) {
  return (columns + base::kLanes<double> - 1) / base::kLanes<double>;
}
[[nodiscard]] constexpr Index padded(Index columns) { return panels(columns) * base::kLanes<double>; }

/// c(i, j) += sum_k d(k, i) d(k, j)   for every i <= j < columns, between start_products(), c = 0, and
/// finish_products().
///
/// d        `depth` <= kBlock rows in panels; panel n begins at d + n * kBlock * kLanes. Padding is zero.
/// c        row-major, padded(columns) x padded(columns). Below the diagonal undefined, except that an
///          incomplete last panel, and the second of two, is accumulated there and transposed by finish_products().
/// ahead    `ahead_bytes` bytes to prefetch.
///
/// Serial. Cost: depth * columns^2 flops, up to (1 + kLanes / columns) times that for whole panels on the diagonal; d
/// is read once for each kTilePanels panels from the L2 cache, in groups of panels that fit it.
void add_products(const double* d, Index depth, Index columns, double* c, const void* ahead, Index ahead_bytes);
void start_products(Index columns, double* c);
void finish_products(Index columns, double* c);

/// add_products() in single precision, for twice the rate: the rows are rounded to 2^-24, and so are the sums.
///
/// single   kBlock * padded_single(columns) numbers of scratch.
/// c        row-major, padded_single(columns)^2, at first 0; below the diagonal undefined.
[[nodiscard]] constexpr Index padded_single(Index columns) { return (panels(columns) + 1) / 2 * base::kLanes<float>; }
void add_products_single(const double* d, Index depth, Index columns, float* single, float* c);

}  // namespace pyrometer::data
