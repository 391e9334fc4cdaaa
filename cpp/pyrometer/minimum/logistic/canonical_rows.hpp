// Rows as doubles, and in an order of their own.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The rows, and those in single precision as doubles, of which `numbers` gets a copy.
[[nodiscard]] inline data::Rows<double> as_doubles(const data::Rows<double>& rows, std::vector<double>&) {
  return rows;
}
[[nodiscard]] data::Rows<double> as_doubles(const data::Rows<float>& rows, std::vector<double>& numbers);

/// Up to this many elements the cost of sorting them does not matter.
inline constexpr Index kMostCanonical = Index{1} << 16;

/// The same rows whatever their order and that of the columns, whatever powers of two columns were multiplied by, and
/// whether equal rows are repeated or have weights: each column is divided by the power of two below its largest
/// element, where that is exact; equal rows of one label become one, whose weight is the sum of theirs; columns are in
/// the order of hashes of their elements and of the rows that these are in, rows in that of their elements.
///
/// Decisions that rounding errors may change are thereby the same for all forms of the same data, except where columns
/// have equal hashes. Weights that are small whole numbers of some unit, within their rounding, are in that unit.
///
/// Cost: a copy of the rows, and two sorts.
class CanonicalRows {
 public:
  explicit CanonicalRows(const data::Rows<double>& rows);

  /// Valid as long as this.
  [[nodiscard]] data::Rows<double> rows() const;
  /// What losses of these rows are multiplied by to be those of the given ones.
  [[nodiscard]] double unit() const { return unit_; }
  /// Of these columns, from those of the given ones and an intercept, if any, that is last.
  [[nodiscard]] std::vector<double> parameters(const std::vector<double>& given) const;
  /// The reverse, in place, for any number of vectors of `columns` numbers each: parameters, directions, errors.
  void back(std::vector<double>& numbers, Index columns) const;

 private:
  void scale();
  void merge();
  void sort_columns();
  void count_weights();

  Index features_;
  double unit_ = 1;
  std::vector<double> X_, y_, weights_;
  std::vector<Index> order_;    ///< the given column of each
  std::vector<int> exponents_;  ///< of each given column
};

}  // namespace pyrometer::minimum
