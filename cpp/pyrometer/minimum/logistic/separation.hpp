// The infimum of the cross entropy of any rows: linearly dependent columns, and labels that are separable.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The infimum of one system; sums over rows, not means.
struct Infimum {
  double value = 0;  ///< the infimum
  double gap = 0;    ///< loss at `parameters` - infimum, and value - infimum, are at most this
  bool attained = true;
  Index rank = 0;  ///< independent columns, the constant one not counted
  Index evaluations = 0;
  std::vector<double> parameters;  ///< of the given columns, the intercept last
  std::vector<double> direction;   ///< along which the losses of separated rows tend to 0; empty if there are none
  std::vector<double> errors;      ///< bounds of |parameter - that of the minimiser|; empty if unknown
};

/// What is known of the rows before.
struct KnownOfRows {
  bool independent = false;   ///< no column, the constant included, depends on the others
  bool separated = false;     ///< theta may separate all rows
  std::vector<double> theta;  ///< parameters of a small loss
};

/// Finds the infimum of the sum of losses for any finite rows: linearly dependent or nearly dependent columns, and rows
/// that the labels separate completely or quasi-completely.
///
/// First the columns are reduced to linearly independent ones (reduce), unless they are known to be. If Newton's method
/// then does not converge, face_of() determines the separated rows. Along their directions of recession their losses
/// tend to 0 and no other loss changes, so the infimum is the minimum over the other rows, which is attained and
/// certified (newton). Where such a minimum is found without the rows that single columns separate, or without those of
/// large margins, face_of() is told that nothing separates the rows of this minimum, and searches the others only.
///
/// Where that bound does not close, rows with margins beyond 20 are removed as well and the minimum over the others is
/// certified: it is a lower bound, the loss of all rows at its minimiser an upper bound.
///
/// value       0 plus the minimum over the rows that are not separated.
/// parameters  with separated rows, so far along their directions that their losses are at rounding level.
/// gap         computed from the loss at the rounded parameters.
///
/// Cost: a copy of the rows as doubles for each reduction, 5 to 20 evaluations for each minimum; to determine separated
/// rows of a minimum that is found first, one double-double elimination, 2 m n^2 operations or, of rows with k elements
/// other than 0, about 2 m n k. Where none is found, as of rows that are separated in many dimensions, up to n^4.
[[nodiscard]] Infimum infimum(const data::Rows<double>& rows, bool intercept, const KnownOfRows& known, int threads);

}  // namespace pyrometer::minimum
