// The span of rows of doubles modulo a prime: their rank is never more than over the reals.
#pragma once

#include <cstdint>
#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// 2^64 times a number, modulo a prime near 2^61.4 without small relations between powers of two.
using Residue = std::uint64_t;

/// Of a finite number, exactly.
[[nodiscard]] Residue residue_of(double x);
[[nodiscard]] Residue sum(Residue a, Residue b);
/// Montgomery's.
[[nodiscard]] Residue product(Residue a, Residue b);

/// A row whose residues are not in the span of others' is not in their span. The converse fails by chance, once in
/// 2^61 or so.
class ModularSpan {
 public:
  [[nodiscard]] Index rank() const { return std::ssize(basis_); }
  [[nodiscard]] bool contains(std::vector<Residue> row) const { return reduce(row) < 0; }
  /// False if the row is in the span. `size` operations for each dimension in which it has a part.
  bool add(std::vector<Residue> row);
  /// -1 if none of the rows is in the span of this and the others; their number if all have a part in their only
  /// combination in this span; else the position of one that has none. As many operations as to add them.
  [[nodiscard]] Index redundant(std::vector<std::vector<Residue>> rows) const;

 private:
  /// Subtracts the part in the span; returns the first column that is left, or -1.
  Index reduce(std::vector<Residue>& row) const;
  /// Adds a reduced row.
  void add(std::vector<Residue> row, Index pivot);

  std::vector<Index> pivots_;
  std::vector<std::vector<Residue>> basis_;  ///< -1 in the pivot, 0 in those before
};

}  // namespace pyrometer::minimum
