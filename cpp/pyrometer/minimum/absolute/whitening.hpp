// Coordinates in which the columns of a regression are centred, of unit size, uncorrelated and independent.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"
#include "pyrometer/minimum/absolute/scaled.hpp"

namespace pyrometer::minimum::absolute {

/// Squares of sizes 2^-kModest .. 2^kModest, and of their quotients, are well within the range of a double.
inline constexpr int kModest = 400;

/// z = A (x - centre, 1), with A chosen so that sum z z' is the number of rows times the identity over a sample of
/// rows.
///
/// centre   p + 1 numbers, y's last: the sample's means, rounded to so few digits that x - centre is exact for data of
/// few
///          digits; zeros without an intercept.
/// unit     the size of y, a power of two: in the frame, y is (y - centre) / unit.
/// weight   1 / size of each column, powers of two.
/// A        rank x columns. A column that depends on earlier pivots, over all rows, has no coordinate.
struct Frame {
  Index columns = 0;
  Index rank = 0;
  Vec centre, weight, A;
  double unit = 1;
  bool delicate = false;    ///< z is a small difference of large terms: twice the precision is needed
  bool doubtful = false;    ///< a column without a coordinate depends on others in norm, but not in every row
  std::vector<char> blank;  ///< columns of which the sample saw one value only

  /// z = A x
  void into(const double* x, double* z) const;
  /// theta = unit A' phi: what phi of the frame is to the centred columns.
  [[nodiscard]] Vec coefficients(const Vec& phi) const;
};

/// Centres the table, for as long as the frame lives.
///
/// Looks at about max(512, 8 n) rows; if their rank is short, reads all rows to see whether others add to it.
///
/// A pivot counts when what is left of its column is above the rounding of the data themselves; in rows that were not
/// sampled, above 1e-11 of it.
/// largest  rows that the sample has besides, sorted.
/// Throws std::invalid_argument where a sampled value is not finite, OutOfRange where sizes are not within kModest (see
/// complain).
[[nodiscard]] Frame make_frame(Table& table, const Indices& largest, Team team);

/// Throws std::invalid_argument for the first value of the system that is not finite, or else OutOfRange.
[[noreturn]] void complain(const Table& table);

/// The rows `chosen` of a source, in the frame.
[[nodiscard]] Rows pack(const Table& table, const Frame& frame, const Indices& chosen, Team team);
[[nodiscard]] Rows pack(const Rows& rows, const Indices& chosen);

}  // namespace pyrometer::minimum::absolute
