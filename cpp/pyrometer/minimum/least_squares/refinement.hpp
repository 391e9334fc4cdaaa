// Iterative refinement of least squares from rows, of one system: Newton steps with sums over the rows themselves.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/pivoted_qr.hpp"
#include "pyrometer/minimum/dense/row_sums.hpp"

namespace pyrometer::minimum {

/// Rounding of double-double sums, relative to that of parameters.
constexpr double kSums = 0x1p-49;

/// The energy at given parameters, how far above the minimum it is, and the step towards it.
struct RowState {
  double energy = 0;
  double gap = 0;
  double hidden = 0;  ///< what the energy changes by as dependent columns become exact combinations of the others
  bool fits = false;  ///< all that is summed is 0: exactly, and not only to the least double
  std::vector<double> step;
};
/// `f` is the factor of the system, `mean` the means of its columns and target, `equal` that of equal_columns().
[[nodiscard]] RowState judge(const Shape& shape, const Pivoted& f, const double* mean, const double* theta,
                             const Sums& sums, const std::vector<Index>& equal);

/// For each dependent pivot an independent one whose column is equal in all rows, or -1. Cost: about r (n - r)
/// comparisons, and m for each that is found.
template <class T>
[[nodiscard]] std::vector<Index> equal_columns(const Shape& shape, const T* X, const Pivoted& f);

/// The Cholesky factor of a system's moments, if it is accurate enough for iterative refinement with residuals of the
/// rows: a step reduces the error by roundoff * condition^2. Else one without columns; `scatter` may be nullptr.
[[nodiscard]] Pivoted factor_of_moments(const Shape& shape, const double* scatter);

/// Minimum-norm parameters: see Dependence.
void shorten(const Shape& shape, const Pivoted& f, const double* mean, bool with_intercept, double* theta);
/// The same if every dependent pivot is `equal` to an independent one. Rounding of a dependence, in units of one
/// column, may be more than others are long; here there is none.
void share(const Pivoted& f, const std::vector<Index>& equal, double* theta);

/// A bound of the rounding errors of the columns' means in units of the whitened columns. `diagonal` is that of the
/// inverse, of Pivoted::inverse_diagonal. Columns are centred by rounded means: with A the centred columns and d the
/// errors of the means, the Hessian without the intercept is A'A/m - dd', and the gradient lacks d times the mean of
/// the residuals. Both multiply the gap by (1 + w) / (1 - w) at most, w = (m d'(A'A)^-1 d)^1/2 < 1 being the result; 1
/// where nothing is known.
[[nodiscard]] double error_of_means(const Shape& shape, const std::vector<double>& diagonal);

/// Bounds of the distances of the parameters from those of the minimiser: the gap is at least the squared distance
/// divided by the diagonal element of the inverse Hessian: of Pivoted::inverse_diagonal, and with that of
/// error_of_means().
void bound_parameters(const Shape& shape, const Pivoted& f, const double* mean, const std::vector<double>& diagonal,
                      double off, double gap, double* out);

/// A bound of the root mean square change of the residuals by the rounding of the parameters.
[[nodiscard]] double rounding_of_parameters(const Shape& shape, const Pivoted& f, const double* mean,
                                            const double* theta);

}  // namespace pyrometer::minimum
