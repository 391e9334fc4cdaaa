// Pivoted Cholesky factor of a covariance matrix that may be singular.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// Relative rounding error of the pivots of the covariances of p columns: of sums of products, and of the factor.
[[nodiscard]] double moment_noise(Index columns);

/// Extends a factor U'U whose first `kept` rows are computed to `size` columns; the other elements of the upper
/// triangle are those of the matrix. Row i of U begins at upper + i * stride. False if a pivot is not positive.
/// Blocked: size^2 (size - kept) flops. The same bits for any number of threads; more than one is used from 512 new
/// columns on.
[[nodiscard]] bool factor_blocked(double* upper, Index stride, Index kept, Index size, int threads = 1);

/// P' D^-1 A D^-1 P = U'U with D = diag(A)^1/2 and columns ordered so that each pivot is the largest remaining one,
/// up to a factor of 0.999.
///
/// Columns whose pivot is at noise level are linearly dependent on those before them; `rank` counts the others. An
/// error e of the elements changes the pivot of a column that is nearly sum_j w_j times the others by up to e (1 +
/// |w|^2), so a small pivot counts if it exceeds that. Columns with scale 0 (zero diagonal) are dependent. Vectors are
/// in the order of the pivots, in units of the scaled columns.
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
  /// Factors. noise: pivots up to this are taken for 0; element: error of the elements, or 0 to use `noise` only.
  void run(double noise, double element = 0);

  /// After a run of full rank: renumbers the columns in the order of their pivots. Returns their previous numbers.
  std::vector<Index> renumber();
  /// Keeps the first `kept` columns of a renumbered factor and makes room for others, up to `size`: fill the elements
  /// with j >= kept and j > i, and their scales, and call append(). That returns false, without a factor, if a pivot is
  /// below 1e-6, so that pivoting is necessary. size^2 (size - kept) flops.
  void keep(Index kept, Index size);
  [[nodiscard]] bool append(int threads = 1);
  /// Removes column k of a renumbered factor of full rank, by rotations of the rows below. 3 (size - k)^2 flops.
  void remove(Index k);
  /// Whether a pivot is so small that append() would not do.
  [[nodiscard]] bool needs_pivoting() const;

  [[nodiscard]] Index size() const { return size_; }
  [[nodiscard]] Index rank() const { return rank_; }
  /// The column of pivot k.
  [[nodiscard]] Index column(Index k) const { return order_[at(k)]; }
  /// The scale of the column of pivot k, diag(A)^1/2.
  [[nodiscard]] double scale_at(Index k) const { return scale_[at(column(k))]; }

  /// Solves U'z = x in place for the first `rank` elements; the others become their residuals after elimination of the
  /// independent columns. rank size flops.
  void forward(double* x) const;
  /// Solves U z = x in place for the first `rank` elements; the others do not change.
  void backward(double* x) const;
  /// The elements of x in the order of the pivots, each divided by its scale (0 where that is 0).
  void whiten(const double* x, double* out) const;
  /// Writes the `rank` coefficients of dependent column k (>= rank) in the independent columns.
  void dependence(Index k, double* out) const;

  /// Upper bounds of the diagonal of the inverse of the scaled independent columns' matrix, in the order of the pivots:
  /// exact up to 64 columns, for r^3 / 3 flops; beyond, 4 / the estimated smallest eigenvalue.
  void inverse_diagonal(double smallest, double* out) const;

  /// Estimates the smallest eigenvalue of the scaled independent columns' matrix (from above, to a small factor) and
  /// the largest. 4 solves and 6 products of p^2 flops.
  [[nodiscard]] double smallest_eigenvalue() const;
  [[nodiscard]] double largest_eigenvalue() const;
  /// The 2-norm condition number of the independent scaled columns, given smallest_eigenvalue(): negative where others
  /// depend on them, infinity where more than a carrier (see Centred::carrier) does.
  [[nodiscard]] double condition(double smallest, bool carrier) const;

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
  std::vector<double> inverse_;  // 1 / diagonal of U
  mutable std::vector<double> work_;
  std::vector<Index> order_;
};

}  // namespace pyrometer::minimum
