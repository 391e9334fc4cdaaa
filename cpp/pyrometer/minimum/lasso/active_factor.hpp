// The Cholesky factor of the active columns of a lasso, updated as the active set changes.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/centred_moments.hpp"

namespace pyrometer::minimum {

/// Factors a sequence of active sets of one system that mostly grow, as along a regularisation path.
///
/// The leading columns that two consecutive sets share are kept if they are at least half of the factor; each new
/// column then costs a^2 flops for a active columns. Falls back to pivoting if columns are nearly dependent.
class LassoFactor {
 public:
  /// Resets the factor, for another system.
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
