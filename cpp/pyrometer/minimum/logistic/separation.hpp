// The infimum of the cross entropy where Newton's method on the rows as they are is not enough.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The answer for one system; sums over rows, not means.
struct Infimum {
  double value = 0;  ///< the infimum
  double gap = 0;    ///< loss at `parameters` - infimum, and value - infimum, are at most this
  bool attained = true;
  Index rank = 0;  ///< independent columns, the constant one not counted
  Index evaluations = 0;
  std::vector<double> parameters;  ///< of the rows as they came, the intercept last
  std::vector<double> errors;      ///< |parameter - that of the minimiser| is at most this; empty where that is unknown
};

/// sum_i ln(1 + e^-z_i) with t_i = x_i . theta (+ theta_p) from twice the working precision.
[[nodiscard]] double loss_at(const data::Rows<double>& rows, bool intercept, const std::vector<double>& theta,
                             int threads);

/// Finds the infimum of the sum of losses for any finite rows: dependent columns, nearly dependent ones, and rows that
/// the labels separate, wholly or in part.
///
/// First the columns become independent (reduce). If then Newton's steps do not settle, face_of() decides which rows
/// are separated. Along their directions their losses fall to 0 and nothing else changes, so the infimum is that of the
/// other rows, whose minimum is attained and certified (newton).
///
/// Where that bound does not close, rows with margins beyond 20 are left out as well, and the others certified: their
/// infimum is a lower bound, the loss of all rows at their minimiser an upper one.
///
/// value     0 plus the minimum over the rows that are left.
/// parameters  with separated rows they lie so far along their directions that what they lose is below rounding.
/// gap       computed from the loss at the rounded parameters, too.
///
/// Cost: a copy of the rows as doubles for each round, 5 to 20 looks.
[[nodiscard]] Infimum infimum(const data::Rows<double>& rows, bool intercept, int threads);

}  // namespace pyrometer::minimum
