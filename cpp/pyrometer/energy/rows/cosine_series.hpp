// Eight cosine series at a time, one in each lane of a vector register.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

inline constexpr int kSeriesLanes = 8;

/// product[i, lane] = prod_j sin(k theta_j) / (k theta_j), k = 2 i + 1, for i < terms.
///
/// theta    features x 8, row-major, in [0, pi/2]; features a multiple of 4 (padded with zeros).
/// product  terms x 8, out.
///
/// Reinsch's recurrence in k: two flops for each sine, and two for the product; absolute error below features * terms
/// * 1e-15 before the decay of the product. No division, no call.
void sinc_products(const double* theta, Index features, Index terms, double* product);

/// Bounds of |sin u / u| beyond u_j = weight_j x_j t / 2, as a product over j, in two factors for every lane:
/// e^{-gaussian/6} and 1 / inverse.
///
/// x        features x 8.   half_t   8 numbers t / 2.
struct Envelope {
  alignas(64) double gaussian[kSeriesLanes];
  alignas(64) double inverse[kSeriesLanes];
};
void envelope(const double* x, const double* weight, Index features, const double* half_t, Envelope& out);

/// sum and sum of squares of weight_j x_j, and the largest, for every lane.
struct RowSums {
  alignas(64) double sum[kSeriesLanes];
  alignas(64) double squares[kSeriesLanes];
  alignas(64) double largest[kSeriesLanes];
};
void row_sums(const double* x, const double* weight, Index features, RowSums& out);

/// theta_j = weight_j x_j factor, for every lane; the missing features up to a multiple of 4 become zeros.
void angles(const double* x, const double* weight, Index features, const double* factor, double* theta);

/// E|R - y| of eight rows from the products of their sincs:
///
///     P/2 - (4 P / pi^2) sum_{k odd} cos(k pi y / P) phi(k pi / P) / k^2,
///     phi(t) = product e^{-s^2 t^2 / 2} (pi l t) / sinh(pi l t)
///
/// period     P, at least twice |y|.
/// shifted    whether y and l may both be > 0.
/// slope      derivative along the common logarithm of all lengths and of s, not of l or y.
struct SeriesRows {
  alignas(64) double period[kSeriesLanes];
  alignas(64) double y[kSeriesLanes];
  alignas(64) double deviation[kSeriesLanes];
  double logistic = 0;
  bool shifted = false;
  alignas(64) double value[kSeriesLanes];
  alignas(64) double slope[kSeriesLanes];
};
void cosine_series(const double* product, Index terms, bool slope, SeriesRows& rows);

}  // namespace pyrometer::energy
