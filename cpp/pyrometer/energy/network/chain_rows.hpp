// A quadrature rule in |x|^2 for means over the rows of functions of the norm.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// Nodes q_i and weights w_i such that mean over rows of F(|x|^2) = sum_i w_i F(q_i) for functions F smooth in ln q.
///
/// Few distinct norms are the nodes, with their frequencies as weights; norms that differ by rounding are one node.
/// Otherwise the range of ln q is divided into panels of width at most 2 with 14 Chebyshev nodes each, and w_i is the
/// mean over rows of the node's Lagrange polynomial. Rows of norm zero are a separate node, the first.
class RowNodes {
 public:
  /// norms  |x_i|^2 of the rows, at least one, finite, not negative. Cost: 60 ns a row; fixed order of addition.
  explicit RowNodes(Vector norms);

  [[nodiscard]] const std::vector<double>& norm() const { return norm_; }
  [[nodiscard]] double mean(const double* values) const;
  /// Estimated bound of the error of mean() from the decay of the Chebyshev coefficients of `values`, panel by panel.
  [[nodiscard]] double error(const double* values) const;

 private:
  std::vector<double> norm_, weight_, share_;  // share_ of the rows in each panel
  std::size_t first_panel_ = 0;                // index of the first node that belongs to a panel
};

}  // namespace pyrometer::energy
