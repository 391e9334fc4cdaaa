// Column-pivoted QR of a triangle: rank, least-squares solution, condition.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/row_qr.hpp"

namespace pyrometer::minimum {

/// R'R = m H with H the Hessian (halved) of the energy in the design's independent columns, in order of their pivots
/// and in units of their length in the data. Without a penalty, a triangle whose columns are well conditioned is not
/// pivoted.
class Pivoted {
 public:
  Pivoted() = default;

  /// Takes (design, y), a triangle or any columns, adds the penalty's rows, and factors.
  ///
  /// A column is dependent if its remainder is below the rounding error of its length before centring and of the
  /// columns it is a combination of.
  ///
  /// Cost: about 2 n^3 flops, or n^2 without pivoting.
  Pivoted(const Shape& shape, Columns rows, const double* mean);

  /// Takes a triangle of centred columns that includes the penalty. `rank` is 0 if they are not well conditioned. Cost:
  /// n^2.
  Pivoted(const Shape& shape, Columns triangle);

  [[nodiscard]] Index columns() const { return static_cast<Index>(order_.size()); }
  [[nodiscard]] Index rank() const { return rank_; }
  /// The design's column that is pivot k.
  [[nodiscard]] Index column(Index k) const { return order_[at(k)]; }
  /// Its length in the data.
  [[nodiscard]] double length(Index k) const { return length_[at(column(k))]; }

  /// Solves R' z = x in place, and R z = x; `rank` numbers.
  void forward(double* x) const;
  void backward(double* x) const;
  /// The remainder of x, the element of pivot k >= rank, after elimination of the independent columns: x - R_k' z.
  [[nodiscard]] double remainder(Index k, double x, const double* z) const;
  /// A bound of the rounding error of remainder(), relative to the norm of z: the column of pivot k, those it is a
  /// combination of, and what is left of it are known to the rounding of their lengths only. rank^2 flops.
  [[nodiscard]] double remainder_error(Index k) const;
  /// The least-squares solution for the target: R z = Q' y.
  [[nodiscard]] std::vector<double> solution() const;
  /// Writes the `rank` coefficients of the column of pivot k >= rank in the independent columns.
  void dependence(Index k, double* out) const;
  /// Writes the diagonal of (R'R)^-1, in the order of the pivots: rank^3 / 3 flops, on
  /// several threads from 256 columns on, with the same bits as on one.
  void inverse_diagonal(double* out, int threads = 1) const;
  /// 2-norm condition number of the independent columns scaled to length 1, estimated by power iteration.
  [[nodiscard]] double condition() const { return condition_; }

 private:
  void scale(Index columns, const double* mean, double share);
  bool clear(Index columns);
  [[nodiscard]] double estimated() const;
  void eliminate(Index k);
  [[nodiscard]] double noise() const;
  [[nodiscard]] double rounding(Index k) const;

  Columns work_;
  std::vector<double> length_;
  std::vector<Index> order_;
  Index rank_ = 0;
  double condition_ = 1;
};

}  // namespace pyrometer::minimum
