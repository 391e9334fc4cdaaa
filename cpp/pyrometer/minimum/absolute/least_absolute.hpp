// Least absolute deviations: the lowest mean absolute error of a linear model, with its certificate.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// For each of `systems` systems the minimum over theta of
///
///     E(theta) = (1/m) sum_i |y_i - x_i . theta - theta_0|
///
/// X           systems x rows x features, row-major, finite.
/// y           systems x rows, finite.
/// rows        at least 1.
/// features    at least 0; none is the median (with an intercept) or the mean of |y|.
/// intercept   whether there is a theta_0; n = features + intercept.
/// threads     at least 1, or 0 for all. Several systems share them among each other, one system among its rows.
/// value       systems, out: E*, right to rounding where the gap is.
/// parameters  systems x n, out: a minimiser, the intercept last, 0 for columns that depend on others.
/// gap         systems, out: E(parameters) - E* is at most this in exact arithmetic: rounding of sums, of residuals and
///             of the parameters themselves included. A few 1e-15 of the sizes that cancel in a residual, unless no
///             exact vertex was reached.
/// rank        systems, out: independent columns, the constant one not counted. Dependent is a column of which no more
///             than rounding is left, 4e-15 of its size; value and gap are those of exact dependence. Where it does
///             not hold to rounding row by row, or the rounding of one row is as large as another row, so that its
///             parameters need not be large to fit it, the gap is as large as the value.
/// parameter_error  systems x n, out, or null: the minimiser is unique, and parameters are that far from it at most;
///             infinity where that is not certain, as for dependent columns or other minimisers. Rounding of the
///             parameters where no residual but those of the vertex is near 0; else it grows with the gap times rows.
///
/// Throws std::invalid_argument for a size out of range or a number that is not finite, by system, row and column.
///
/// Reproducible: the same bits for every `threads`, and for a system alone or in a stack. Not across instruction sets.
///
/// Method: a sample of (n m)^{2/3} rows places the minimum to within a band around zero; rows outside it keep their
/// side and become one aggregate row (Portnoy and Koenker, Statistical Science 12 (1997) 279); the rest is reduced in
/// the same way by Newton steps, down to a few hundred rows, where the simplex method of Barrodale and Roberts (SIAM J.
/// Numer. Anal. 10 (1973) 839) ends in an exact vertex; for 24 parameters and more an interior-point method leads it to
/// one nearby. Rows found on the wrong side are put back. Of more than 16384 rows of which most are copies, each is
/// solved once, with its weight. A last pass measures value and gap. Columns and y of sizes whose products leave the
/// range of a double are multiplied by powers of two; of parameters outside it,
/// std::invalid_argument. Cost: usually three passes over the rows of 2 to 8 n flops each, memory bound for large m,
/// and some 20 m' n^2 + 10 n^3 flops besides, m' = min(m, 24 n).
template <class T>
void least_absolute(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, int threads,
                    double* value, double* parameters, double* gap, Index* rank, double* parameter_error = nullptr);

extern template void least_absolute(const double*, const double*, Index, Index, Index, bool, int, double*, double*,
                                    double*, Index*, double*);
extern template void least_absolute(const float*, const float*, Index, Index, Index, bool, int, double*, double*,
                                    double*, Index*, double*);

}  // namespace pyrometer::minimum
