// Coordinates in which the columns of a regression are centred, of unit size, uncorrelated and independent.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"
#include "pyrometer/minimum/absolute/scaled.hpp"

namespace pyrometer::minimum::absolute {

/// Squares of sizes 2^-kMaxExponent .. 2^kMaxExponent, and of their quotients, are well within the range of a double.
inline constexpr int kMaxExponent = 400;

/// z = A (x - centre, 1), with A chosen so that sum z z' is the number of rows times the identity over a sample of
/// rows.
///
/// centre   p + 1 numbers, y's last: the sample's means, rounded to so few digits that x - centre is exact for data of
/// few
///          digits; zeros without an intercept.
/// unit     the size of y, a power of two: in whitened coordinates, y is (y - centre) / unit.
/// weight   1 / size of each column, powers of two.
/// A        rank x columns. A column that depends on earlier pivots, over all rows, has no coordinate.
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
  /// theta = unit A' phi: what phi in whitened coordinates is to the centred columns.
  [[nodiscard]] Vec coefficients(const Vec& phi) const;
};

/// Centres the table, for the lifetime of the result.
///
/// Looks at about max(512, 8 n) rows; if their rank is short, reads all rows to see whether others add to it.
///
/// A pivot counts when what is left of its column is above the rounding of the data themselves; in rows that were not
/// sampled, above 1e-11 of it.
/// largest  rows that the sample has besides, sorted.
/// Throws std::invalid_argument where a sampled value is not finite, OutOfRange where sizes are not within kMaxExponent
/// (see complain).
[[nodiscard]] Whitening make_whitening(Table& table, const Indices& largest, ExecutionContext context);

/// Throws std::invalid_argument for the first value of the system that is not finite, or else OutOfRange.
[[noreturn]] void complain(const Table& table);

/// The rows `chosen` of a source, in whitened coordinates.
[[nodiscard]] Rows pack(const Table& table, const Whitening& whitening, const Indices& chosen,
                        ExecutionContext context);
[[nodiscard]] Rows pack(const Rows& rows, const Indices& chosen);

}  // namespace pyrometer::minimum::absolute
