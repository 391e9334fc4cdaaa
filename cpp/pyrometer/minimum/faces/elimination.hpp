// Gaussian elimination of rows of very different sizes, in double-double precision.
#pragma once

#include <optional>
#include <vector>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

/// V = L U by complete pivoting: the largest rows come first, so that no element of L exceeds 1, in rows times their
/// factors, and each row of U has the size of what is left of its own row after the larger ones. Sums below 2^-80 of
/// their terms are taken for 0.
class Elimination {
 public:
  using Wide = std::vector<DoubleDouble>;

  /// rows: count x width; factors: count, > 0; exponents: of the powers of two that columns are multiplied by, so that
  /// their elements can be compared; found from the rows themselves if only the width is given. least: no element up to
  /// this becomes a pivot.
  ///
  /// Cost: count width rank double-double operations.
  Elimination(Wide rows, std::vector<int> exponents, const std::vector<double>& factors, double least);
  Elimination(const Wide& rows, Index width, const std::vector<double>& factors);

  [[nodiscard]] Index rank() const { return std::ssize(columns_); }
  /// L, count x rank.
  [[nodiscard]] const Wide& lower() const { return lower_; }
  /// phi with (L phi)_i = values_i in the rows of the pivots.
  [[nodiscard]] std::vector<double> coordinates(const std::vector<double>& values) const;
  /// theta with U theta = phi, 0 in the columns without a pivot, or as in `theta`.
  [[nodiscard]] std::vector<double> solution(const std::vector<double>& phi,
                                             const std::vector<double>& theta = {}) const;
  /// A bound of what rounding changes in v_i . theta.
  [[nodiscard]] double error_of(Index i, const std::vector<double>& theta) const;
  /// Of any x = U'l + r with r = 0 in the columns of the pivots: l in those columns and r, with scaled columns, in the
  /// others. `terms` is scratch.
  void divide(Wide& x, std::vector<double>& terms) const;
  [[nodiscard]] const std::vector<Index>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<Index>& columns() const { return columns_; }
  /// l with x = U'l; none if x is not in the span of the rows.
  [[nodiscard]] std::optional<std::vector<double>> combination(Wide x) const;

 private:
  Index width_;
  std::vector<int> exponents_;         ///< of the scales of the columns
  std::vector<Index> rows_, columns_;  ///< of the pivots
  Wide lower_, upper_;                 ///< rank x width
  std::vector<double> errors_;         ///< of the elements of the rows, in units of the scaled columns
};

}  // namespace pyrometer::minimum
