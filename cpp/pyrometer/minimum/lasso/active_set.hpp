// The active-set method of the lasso from rows: the best change of the parameters, given a triangular factor.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/pivoted_qr.hpp"
#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/lasso/point.hpp"
#include "pyrometer/minimum/lasso/updated_qr.hpp"

namespace pyrometer::minimum {

/// Minimises over d
///
///     |W d|^2 / 2 - g . d + sum_j weight_j |z_j + d_j|
///
/// the columns of W having length 1: the design's, in units of their length.
class ActiveSet {
 public:
  ActiveSet(Columns triangle, Index columns);

  /// Cost: 2 n^2 + 12 n a flops for each change of an active set of a columns.
  void minimise(const Numbers& z, const Numbers& gradient, const Numbers& weight);

  [[nodiscard]] double length(Index j) const { return at(length_, j); }
  [[nodiscard]] const Numbers& step() const { return d_; }
  /// The negative gradient of the quadratic part at z + d, and |W d|^2.
  [[nodiscard]] double gradient(Index j) const { return at(gradient_, j); }
  [[nodiscard]] double moved() const { return dot(image_.data(), image_.data(), 0, design_.rows); }

  /// The columns that are active, or whose gradient is the bound of the penalty up to rounding, errors `off` of the
  /// gradients and an error of the residuals of norm `residuals`.
  [[nodiscard]] std::vector<Index> equicorrelated(const Numbers& off, double residuals) const;
  [[nodiscard]] Pivoted factor(const std::vector<Index>& columns) const;
  /// The root diagonal of (W'W)^-1 of the columns of a factor, in the order of its pivots.
  [[nodiscard]] static Numbers roots(const Pivoted& f);

  /// How far these errors may put z above the minimum, beyond the duality gap `gap`, where the energy is at most
  /// `energy`. `f` is the factor of the equicorrelated `columns`. Errors of the residuals, and where these columns are
  /// independent also those of the gradients, |W'^-1 error|, are added to the root of the gap; else, and where `root`
  /// is infinite, only the penalty bounds how far the minimiser is.
  [[nodiscard]] double hidden(const std::vector<Index>& columns, const Pivoted& f, const Numbers& root,
                              const Numbers& off, double residuals, double gap, double energy) const;
  /// Bounds the distances of z from the minimiser, each in units of its column's length. The point with the signs of z
  /// + d where the gradients of the active columns are their weights differs from z + d by (W'W)^-1 times what these
  /// gradients lack, and is the minimiser if its signs are those and no other column has a gradient that reaches its
  /// weight. False, and nothing is known, where that is not certain.
  [[nodiscard]] bool bound(const std::vector<Index>& columns, const Pivoted& f, const Numbers& root, const Numbers& off,
                           double residuals, double* out) const;

 private:
  [[nodiscard]] double rounding_bound(Index j) const;
  void refresh();
  bool descend();
  bool advance(const std::vector<Index>& active, const Numbers& direction, double step);
  [[nodiscard]] Numbers newton_direction() const;
  [[nodiscard]] Numbers null_vector(const std::vector<Index>& columns) const;
  bool enter();

  Columns design_;
  UpdatedQr qr_;
  Index columns_;
  int repeats_ = 0;
  double size_ = 0;
  Numbers length_, z_, start_gradient_, weight_, d_, sign_, image_, gradient_;
  std::vector<char> vain_;  // columns that left at once when they entered, until another leaves
};

}  // namespace pyrometer::minimum
