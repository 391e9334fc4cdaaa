// The quotient space of rows modulo the span of some of them, in double-double precision.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/faces/smallest_point.hpp"

namespace pyrometer::minimum {

/// The quotient of R^size by a subspace: rows that differ by an element of the subspace are equivalent.
///
/// The subspace is stored in reduced row echelon form: each basis row has a pivot column where it is 1 and the others
/// are 0. A class is represented by its row that vanishes in all pivot columns.
class Quotient {
 public:
  /// rounding: times the terms that an element is computed from, in all steps, a bound of its error: up to it, it is 0.
  explicit Quotient(Index size, double rounding = kWideRounding);

  [[nodiscard]] Index size() const { return std::ssize(taken_); }
  [[nodiscard]] Index rank() const { return std::ssize(basis_); }
  [[nodiscard]] bool pivot(Index j) const { return taken_[at(j)]; }

  /// Replaces the row by its representative, scaled by a power of two to a largest element near 1; false if it is in
  /// the subspace. 2 size double-double operations for each pivot where the row is not 0.
  bool represent(std::vector<DoubleDouble>& row) const;
  /// Whether the row is known to be in the subspace: not if a remainder that rounding errors of the basis explain
  /// exceeds 2^-60 of the row's largest element. At most as many operations.
  [[nodiscard]] bool contains(const std::vector<DoubleDouble>& row) const;
  /// Adds a row to the subspace; false if it is in it. `first` is the pivot, unless it is negative.
  bool add(std::vector<DoubleDouble> row, Index first);
  /// Extends a direction given in the other columns to the pivot columns, orthogonal to the subspace.
  void complete(std::vector<DoubleDouble>& direction) const;

 private:
  [[nodiscard]] std::vector<std::size_t> parts(const std::vector<DoubleDouble>& row) const;
  [[nodiscard]] DoubleDouble remainder(const std::vector<DoubleDouble>& row, const std::vector<std::size_t>& parts,
                                       std::size_t j, double most, double& terms) const;
  bool reduce(std::vector<DoubleDouble>& row, std::vector<double>* terms) const;

  double rounding_;
  std::vector<bool> taken_;
  std::vector<Index> pivots_;
  std::vector<std::vector<DoubleDouble>> basis_;
  std::vector<std::vector<double>> terms_;  ///< of each element, the largest one that its rounding errors come from
};

}  // namespace pyrometer::minimum
