// Whitening: coordinates in which the columns of a regression are centred, of unit variance and uncorrelated.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"
#include "pyrometer/minimum/absolute/scaled.hpp"

namespace pyrometer::minimum::absolute {

/// Numbers of sizes 2^-kMaxExponent .. 2^kMaxExponent have squares and quotients well within the range of a double.
inline constexpr int kMaxExponent = 400;

/// z = A (x - centre, 1), with A such that sum z z' over a sample of rows is their number times the identity.
///
/// centre   p + 1 numbers, the last for y: medians of the sample, rounded to so few digits that x - centre is exact for
///          data of few digits; zeros without an intercept.
/// unit     the scale of y, a power of two: whitened rows have the target (y - centre) / unit.
/// weight   1 / scale of each column, powers of two.
/// A        rank x columns. A column that depends linearly on earlier pivots, in all rows, has no coordinate.
struct Whitening {
  Index columns = 0;
  Index rank = 0;
  Vec centre, weight, A;
  double unit = 1;
  bool ill_conditioned = false;       ///< z is a small difference of large terms: computed in double-double
  bool dependence_uncertain = false;  ///< a dropped column depends on the others in norm, but not in every row
  std::vector<char> constant;         ///< columns that are constant in the sample

  /// z = A x
  void apply(const double* x, double* z) const;
  /// theta = unit A' phi: coefficients of the centred columns from those of the coordinates.
  [[nodiscard]] Vec coefficients(const Vec& phi) const;
};

/// Computes the whitening and centres the table for the lifetime of the result.
///
/// Samples about max(512, 8 n) rows; if these are rank deficient, reads all rows for exceptions and adds them. A pivot
/// counts if its column, orthogonalised to the earlier ones, exceeds the rounding error of the data, which grows with
/// the number of columns where it then is a combination of the others in every row; in rows outside the sample, 1e-11
/// of the column.
///
/// largest  rows that the sample must include, sorted.
///
/// Throws std::invalid_argument if a sampled value is not finite, OutOfRange if a scale is beyond kMaxExponent (see
/// diagnose).
///
/// Cost: 2 n^2 flops for each sampled row; a pass over the rows, 4 n^2 flops each, for every rank-deficient sample.
[[nodiscard]] Whitening make_whitening(Table& table, const Indices& largest, ExecutionContext context);

/// Throws std::invalid_argument naming the first value that is not finite, else OutOfRange. A pass over the rows.
[[noreturn]] void diagnose(const Table& table);

/// The rows `chosen` of a source in whitened coordinates. 2 n rank flops a row.
[[nodiscard]] Rows pack(const Table& table, const Whitening& whitening, const Indices& chosen,
                        ExecutionContext context);
[[nodiscard]] Rows pack(const Rows& rows, const Indices& chosen);

}  // namespace pyrometer::minimum::absolute
