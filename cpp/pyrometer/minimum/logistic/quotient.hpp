// Rows up to the span of some of them, in twice the working precision.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

/// The space of rows of `size` numbers, less a subspace: rows that differ by an element of it are one.
///
/// The subspace is kept as a reduced echelon form: each basis row has a column, its pivot, where it is 1 and the others
/// are 0. A row is represented by the one without pivots' columns.
class Quotient {
 public:
  explicit Quotient(Index size);

  [[nodiscard]] Index size() const { return std::ssize(taken_); }
  [[nodiscard]] Index rank() const { return std::ssize(basis_); }
  [[nodiscard]] bool pivot(Index j) const { return taken_[at(j)]; }

  /// Represents the row, and scales it to a largest number near 1; false if it lies in the subspace.
  bool represent(std::vector<DoubleDouble>& row) const;
  /// Adds a row that represent() has left to the subspace. `first` is the pivot, unless it is negative.
  void add(std::vector<DoubleDouble> row, Index first);
  /// Completes a direction given in the other columns, so that the subspace is normal to it.
  void complete(std::vector<DoubleDouble>& direction) const;

 private:
  std::vector<bool> taken_;
  std::vector<Index> pivots_;
  std::vector<std::vector<DoubleDouble>> basis_;
};

}  // namespace pyrometer::minimum
