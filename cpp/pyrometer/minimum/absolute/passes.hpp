// Passes over all rows of a source: signs and sums of the residuals.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Rows whose residuals have known signs s_i, aggregated to one: with x = sum s_i x_i and y = sum s_i y_i, their part
/// of the energy is |y - x . theta| while the signs are correct; this is a lower bound otherwise.
struct Aggregate {
  Vec x;
  double y = 0;
};

struct Sides {
  Indices undecided;  ///< rows within the band, in order
  Aggregate rest;
};

/// The half-width of a band around zero that holds about `share` of the rows: that quantile of
/// |residual| / |(x_j weight_j)_j| over a sample of 4096 rows.
[[nodiscard]] double band(const Source& source, const Vec& theta, const Vec& weight, double share);

/// Sets the sign of the residual of every row outside the band, and 0 inside it, and aggregates the rows outside.
///
/// finite  out: whether all residuals are finite.
///
/// Cost: one pass over the rows, 7 n flops a row.
[[nodiscard]] Sides classify(const Source& source, const Vec& theta, const Vec& weight, double band, Signs& signs,
                             ExecutionContext context, bool& finite);

/// The rows whose sign is not 0 and whose residual has the opposite sign and exceeds `slack`, in order. One pass over
/// the rows, 2 n flops a row.
[[nodiscard]] Indices misjudged(const Source& source, const Vec& theta, const Signs& signs, double slack,
                                ExecutionContext context);

/// Residuals beyond this multiple of their rounding error keep their sign when parameters change by rounding.
inline constexpr double kDecided = 0x1p18;

/// The sums of the certificate, from one pass. Compensated summation over blocks of 64 rows.
struct Sums {
  double absolute = 0;   ///< sum |r_i|
  double excess = 0;     ///< sum |r_i| - s_i r_i
  double magnitude = 0;  ///< sum |y_i| + sum_j |x_ij theta_j|
  double rounding = 0;   ///< bound of the rounding errors of all residuals, summed
  Vec signed_x;          ///< sum s_i x_i
  Vec rounding_bound;    ///< of the error of signed_x
  bool decided = true;   ///< whether all rows with a sign have residuals of that sign beyond kDecided rounding errors
  Indices misjudged;     ///< rows whose residual has the opposite sign of theirs, beyond rounding; in order
};

enum class Precision {
  plain,         ///< errors: n + 2 roundings of the terms of a residual, about 12 roundings of the terms of a sum
  double_double  ///< residuals are rounded once; about five times the arithmetic
};

/// Evaluates the sums at residuals r_i = y_i - x_i . theta - shift; the shift is the rounding error of the intercept.
///
/// Cost: one pass over the rows, 8 n flops a row; about 40 n in double-double precision.
[[nodiscard]] Sums measure(const Table& table, const Vec& theta, double shift, const Signs& signs, Precision precision,
                           ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
