// Pivoted Cholesky factor of a covariance matrix that may be singular.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// Relative size of the rounding noise in the second moments of p columns: sums of rounded products, then a factor.
[[nodiscard]] double moment_noise(Index columns);

/// Continues U'U, whose first `kept` rows are there, to `size` columns, of which the triangle's other elements are
/// given; row i of U begins at upper + i * stride. False where a pivot is not positive. Blocked: size^2 (size - kept)
/// flops in products of matrices.
[[nodiscard]] bool factor_blocked(double* upper, Index stride, Index kept, Index size);

/// P' D^-1 A D^-1 P = U'U with D = diag(A)^1/2 and columns ordered so that each pivot is the largest that is left, to
/// a thousandth.
///
/// Columns whose pivot is noise depend on those before them: `rank` counts the others. An error e of the elements
/// changes the pivot of a column that is nearly sum_j w_j times the others by up to e (1 + |w|^2), so a pivot that is
/// not clear counts where it is above that. Columns with scale 0 (no diagonal) are dependent from the start. Vectors
/// are in the order of the pivots, in units of the scaled columns.
///
/// Cost: p^3 / 3 flops in panels of 32 rows; p^2 doubles, reused from call to call.
class Factor {
 public:
  /// Factors the p x p matrix whose element (i, j) is given in `upper()` for j >= i, in units of the scaled columns.
  /// Fill it between prepare() and run(). An entry with i or j of scale 0 is ignored.
  void prepare(Index size);
  [[nodiscard]] double* row(Index i) { return upper_.data() + i * stride_; }
  [[nodiscard]] const double* row(Index i) const { return upper_.data() + i * stride_; }
  [[nodiscard]] double& scale(Index i) { return scale_[at(i)]; }
  [[nodiscard]] double scale(Index i) const { return scale_[at(i)]; }
  /// `noise`: pivots up to this are noise; `element`: error of the elements, 0 to judge pivots by `noise` alone.
  void run(double noise, double element = 0);

  /// After a run of full rank: numbers the columns by their pivots. Returns the numbers that they had.
  std::vector<Index> renumber();
  /// Keeps the first `kept` columns of a renumbered factor and makes room for others, up to `size`: fill the elements
  /// with j >= kept and j > i, and their scales, and call append(). False, and there is no factor, where a pivot is
  /// below 1e-6: then the order of the columns matters. size^2 (size - kept) flops, many columns in blocks.
  void keep(Index kept, Index size);
  [[nodiscard]] bool append();

  [[nodiscard]] Index size() const { return size_; }
  [[nodiscard]] Index rank() const { return rank_; }
  /// The column of pivot k.
  [[nodiscard]] Index column(Index k) const { return order_[at(k)]; }
  /// The root diagonal of the column of pivot k.
  [[nodiscard]] double scale_at(Index k) const { return scale_[at(column(k))]; }

  /// Solves U'z = x in place for the first `rank` elements; the others become what the independent columns leave of
  /// them.
  void forward(double* x) const;
  /// Solves U z = x in place for the first `rank` elements; the others are not touched.
  void backward(double* x) const;
  /// The elements of x in the order of the pivots, each divided by its scale (0 where that is 0).
  void whiten(const double* x, double* out) const;
  /// Writes what column `k` (>= rank) is made of: the first `rank` elements of `out` are its coefficients.
  void dependence(Index k, double* out) const;

  /// Bounds the diagonal of the inverse of the scaled independent columns' matrix, in the order of the pivots: exactly
  /// up to 64 columns, for r^3 / 3 flops; for more by four times the inverse of the smallest eigenvalue as estimated.
  void inverse_diagonal(double smallest, double* out) const;

  /// Estimates the smallest eigenvalue of the scaled independent columns' matrix (from above, to a small factor) and
  /// the largest. 4 solves and 6 products of p^2 flops.
  [[nodiscard]] double smallest_eigenvalue() const;
  [[nodiscard]] double largest_eigenvalue() const;

 private:
  void swap_columns(Index j, Index pivot);
  [[nodiscard]] double largest_pivot(Index from, Index last, Index& pivot) const;
  [[nodiscard]] bool dependent(Index k, double pivot, double element);
  bool append_rows(Index kept);
  [[nodiscard]] double inverse(Index k) const { return inverse_[at(k)]; }

  Index size_ = 0;
  Index stride_ = 0;
  Index rank_ = 0;
  std::vector<double> upper_;
  std::vector<double> scale_;
  std::vector<double> used_;
  std::vector<double> inverse_;  // of the pivots' roots
  mutable std::vector<double> work_;
  std::vector<Index> order_;
};

}  // namespace pyrometer::minimum
