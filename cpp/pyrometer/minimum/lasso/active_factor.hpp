// The factor of the columns that a lasso's penalty has let in so far.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/centred_moments.hpp"

namespace pyrometer::minimum {

/// Factors some of a system's columns, again and again: sets that mostly grow, as along a path of weights.
///
/// What two sets in turn have in common at the beginning of the factor's order is kept, if that is half of it; only the
/// columns that are new then cost anything, a^2 flops each of a. Pivots where a column nearly depends on others.
class LassoFactor {
 public:
  /// Before another system.
  void clear();
  /// The factor of these columns, its column i being columns()[i]: any order.
  const Factor& of(const Centred& centred, const std::vector<Index>& wanted);
  [[nodiscard]] const Factor& factor() const { return factor_; }
  [[nodiscard]] const std::vector<Index>& columns() const { return columns_; }

 private:
  void fill(const Centred& centred, Index kept);

  Factor factor_;
  std::vector<Index> columns_;
  std::vector<char> missing_;
};

}  // namespace pyrometer::minimum
