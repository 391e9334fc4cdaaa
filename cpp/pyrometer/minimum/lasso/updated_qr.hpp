// A QR of independent columns that is updated as they enter and leave.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/lasso/point.hpp"

namespace pyrometer::minimum {

/// R and Q of some columns of a matrix of `rows` rows whose columns have length 1 or 0.
class UpdatedQr {
 public:
  /// Factors these columns, in any order: see columns(). Returns -1, or the first that is a combination of columns()
  /// within rounding, by the bound of Pivoted: then columns that would come after it are left out.
  ///
  /// Cost: for each column that enters 8 rows a + a^2 flops, for each that leaves 6 rows a, of a columns.
  [[nodiscard]] Index factor(const Columns& design, const std::vector<Index>& wanted);

  [[nodiscard]] const std::vector<Index>& columns() const { return members_; }
  /// The coefficients of columns() in the column that factor() returned.
  [[nodiscard]] const Numbers& dependence() const { return shares_; }
  /// Solves R'R z = x in place, in the order of columns().
  void solve(Numbers& x) const;

 private:
  bool append(const Columns& design, Index j);
  void remove(std::size_t k);
  void backward(Numbers& x) const;

  std::vector<Index> members_;
  Numbers shares_;
  std::vector<Numbers> basis_, triangle_;  // columns; those of R end at the diagonal
};

}  // namespace pyrometer::minimum
