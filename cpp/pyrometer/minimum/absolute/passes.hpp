// Passes over all rows of a source: which side of zero each residual is on, and by how much.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Rows whose side is taken for granted, as one row: their part of the energy is |y - x . theta| of the sums
/// x = sum s_i x_i and y = sum s_i y_i while the sides are right, and not more than their part when they are not.
struct Aggregate {
  Vec x;
  double y = 0;
};

struct Sides {
  Indices undecided;  ///< in order
  Aggregate rest;
};

/// The band that holds about `share` of the rows: that quantile of |residual| / |(x_j weight_j)_j| over a sample of
/// rows.
[[nodiscard]] double band(const Source& source, const Vec& theta, const Vec& weight, double share);

/// Sets the sign of every row outside the band, and 0 inside it.
///
/// `finite` is set to whether every residual was.
[[nodiscard]] Sides classify(const Source& source, const Vec& theta, const Vec& weight, double band, Signs& signs,
                             ExecutionContext context, bool& finite);

/// The rows whose sign is not 0 and whose residual is on the other side by more than `slack`, in order.
[[nodiscard]] Indices misjudged(const Source& source, const Vec& theta, const Signs& signs, double slack,
                                ExecutionContext context);

/// Sides of rows that far from zero, in units of the rounding of residuals, stay if parameters change by rounding.
inline constexpr double kDecided = 0x1p18;

/// Everything that the certificate needs, in one pass. Sums are compensated every 64 rows.
struct Sums {
  double absolute = 0;   ///< sum |r_i|
  double excess = 0;     ///< sum |r_i| - s_i r_i
  double magnitude = 0;  ///< sum |y_i| + sum_j |x_ij theta_j|
  double rounding = 0;   ///< by how much the residuals together may be wrong
  Vec signed_x;          ///< sum s_i x_i
  Vec rounding_bound;    ///< of the error of signed_x
  bool decided = true;   ///< whether rows with a sign are beyond kDecided times the rounding from zero, on that side
  Indices misjudged;     ///< rows whose sign is not 0 and whose residual is on the other side beyond rounding, in order
};

enum class Precision {
  plain,         ///< errors: n + 2 roundings of the terms of a residual, about 12 roundings of the terms of a sum
  double_double  ///< residuals are rounded once; about five times the arithmetic
};

/// r_i = y_i - x_i . theta - shift. The shift is what a coefficient of the constant cannot hold.
[[nodiscard]] Sums measure(const Table& table, const Vec& theta, double shift, const Signs& signs, Precision precision,
                           ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
