// The quotient space of rows modulo the span of some of them, in double-double precision.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

/// The quotient of R^size by a subspace: rows that differ by an element of the subspace are equivalent.
///
/// The subspace is stored in reduced row echelon form: each basis row has a pivot column where it is 1 and the others
/// are 0. A class is represented by its row that vanishes in all pivot columns.
class Quotient {
 public:
  explicit Quotient(Index size);

  [[nodiscard]] Index size() const { return std::ssize(taken_); }
  [[nodiscard]] Index rank() const { return std::ssize(basis_); }
  [[nodiscard]] bool pivot(Index j) const { return taken_[at(j)]; }

  /// Replaces the row by its representative, scaled by a power of two to a largest element near 1; false if it is in
  /// the subspace. 2 size double-double operations for each pivot where the row is not 0.
  bool represent(std::vector<DoubleDouble>& row) const;
  /// Whether the row is in the subspace. At most as many operations.
  [[nodiscard]] bool contains(const std::vector<DoubleDouble>& row) const;
  /// Adds a representative (see represent) to the subspace. `first` is the pivot, unless it is negative.
  void add(std::vector<DoubleDouble> row, Index first);
  /// Extends a direction given in the other columns to the pivot columns, orthogonal to the subspace.
  void complete(std::vector<DoubleDouble>& direction) const;

 private:
  [[nodiscard]] std::vector<std::size_t> parts(const std::vector<DoubleDouble>& row) const;
  [[nodiscard]] DoubleDouble remainder(const std::vector<DoubleDouble>& row, const std::vector<std::size_t>& parts,
                                       std::size_t j) const;

  std::vector<bool> taken_;
  std::vector<Index> pivots_;
  std::vector<std::vector<DoubleDouble>> basis_;
};

}  // namespace pyrometer::minimum
