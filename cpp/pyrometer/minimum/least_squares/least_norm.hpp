// The minimum-norm parameters among those that give the same residuals.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/row_qr.hpp"

namespace pyrometer::minimum {

/// The linear dependence of columns: column dependent[d] of the design is sum_i made(i, d) column independent[i].
struct Dependence {
  std::vector<Index> independent;
  std::vector<Index> dependent;
  Columns made;  ///< independent x dependent

  /// Moves theta within the null space, which changes no residual, to the least sum of squares.
  ///
  /// Householder QR of a basis of the null space, or of its complement if that has fewer dimensions: 4 n min(r, d)^2
  /// flops for r independent and d dependent columns of n.
  void shorten(double* theta) const;
};

/// Whether a step from `from` to `to` is longer than rounding errors, so that its end is to be shortened again.
[[nodiscard]] bool is_apart(const double* from, const double* to, Index n);

/// The dependence of a factored design of n columns: of a Factor (moments) or a Pivoted (rows), whose pivots from
/// rank() on depend on those before. `length` gives the unit in which the factor holds the column of pivot k.
///
/// carrier   a dependent pivot whose coefficient changes the mean of the residuals, counted as independent; -1 for none
/// mean      of the columns; nullptr if the mean of the residuals does not matter
/// intercept the parameter that compensates the mean and counts in the norm; -1 for none
template <class F, class Length>
[[nodiscard]] Dependence dependence_of(const F& factor, Index n, const Length& length, Index carrier,
                                       const double* mean, Index intercept) {
  const Index r = factor.rank();
  Dependence result;
  for (Index k = 0; k < n; ++k)
    (k < r || k == carrier ? result.independent : result.dependent).push_back(factor.column(k));
  if (intercept >= 0) result.independent.push_back(intercept);
  result.made = Columns(static_cast<Index>(result.independent.size()), static_cast<Index>(result.dependent.size()));
  std::vector<double> own(at(n)), carried(own);
  // Coefficients in the units of the columns, and the remainder of the mean of pivot k.
  const auto combine = [&](Index k, double* to) {
    factor.dependence(k, to);
    const double unit = length(k) > 0 ? length(k) : 1;
    double remainder = mean ? mean[factor.column(k)] : 0;
    for (Index i = 0; i < r; ++i) {
      to[i] = to[i] / length(i) * unit;
      if (mean) remainder -= to[i] * mean[factor.column(i)];
    }
    return remainder;
  };
  const double carried_mean = carrier >= 0 ? combine(carrier, carried.data()) : 1;
  Index next = 0;
  for (Index k = r; k < n; ++k) {
    if (k == carrier) continue;
    double* made = result.made.column(next++);
    const double remainder = combine(k, own.data());
    const double share = carrier >= 0 ? remainder / carried_mean : 0;
    for (Index i = 0; i < r; ++i) made[i] = own[at(i)] - share * carried[at(i)];
    if (carrier >= 0) made[r] = share;
    if (intercept >= 0) made[result.made.rows - 1] = carrier >= 0 ? 0 : remainder;
  }
  return result;
}

}  // namespace pyrometer::minimum
