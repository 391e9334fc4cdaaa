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
/// weights     systems x rows, finite, > 0, those of a system of sum `rows`; or null, all 1. Terms of E are multiplied
///             by them.
/// features    at least 0; none is the median (with an intercept) or the mean of |y|.
/// intercept   whether there is a theta_0; n = features + intercept.
/// threads     at least 1, or 0 for all. Parallel over systems, or over the rows of a single system.
/// value       systems, out: E*, as accurate as the gap says.
/// parameters  systems x n, out: a minimiser, the intercept last; 0 for linearly dependent columns.
/// gap         systems, out: E(parameters) - E* is at most this in exact arithmetic; rounding errors of sums, residuals
///             and parameters are included. A few 1e-15 of the terms of the residuals, unless no exact vertex was
///             reached.
/// rank        systems, out: the number of linearly independent columns, the constant one not counted. A column is
///             dependent if its remainder after projection is at rounding level, 4e-15 of its size; value and gap then
///             assume exact dependence. Where that does not hold to rounding row by row, or the rounding error of one
///             row is as large as another row, the gap is as large as the value.
/// parameter_error  systems x n, out, or null: bound of the distances from the minimiser, which is then unique;
///                  infinity
///             where uniqueness is not certain. At rounding level if no residual outside the basis is near 0; otherwise
///             it grows with the gap times rows.
///
/// Throws std::invalid_argument for a size out of range or a number that is not finite, by system, row and column, and
/// for minimisers outside of the range of a double.
///
/// Reproducible: the same bits for every `threads`, and for a system alone or in a stack. Not across instruction sets.
///
/// Method: a sample of (n m)^{2/3} rows locates the minimum up to a band of residuals around zero; rows outside it keep
/// their sign and are aggregated to one row (Portnoy and Koenker, Statistical Science 12 (1997) 279); the others are
/// reduced recursively by Newton steps, down to a few hundred rows, where the simplex method of Barrodale and Roberts
/// (SIAM J. Numer. Anal. 10 (1973) 839) finds an optimal vertex; from 24 parameters on an interior-point method gives
/// its starting point. Misclassified rows are put back. Where the energy is so flat that the rows near zero do not
/// determine the minimum (tied targets on smooth columns), the interior-point method decides the signs of all rows. Of
/// more than 16384 rows of which most are duplicates, each distinct one is solved once, with its multiplicity. Weighted
/// rows are not sampled: all are copied, whitened and times their weights. A last pass evaluates value and gap. Columns
/// and targets whose products leave the range of a double are scaled by powers of two.
///
/// Cost: usually three passes over the rows of 2 to 8 n flops each, memory bound for large m, and about
/// 20 m' n^2 + 10 n^3 flops with m' = min(m, 24 n); 40 m n^2 flops where the interior-point method runs on all rows.
/// Memory: for reduced problems of m' rows, m' n doubles; of weighted rows, and of all rows, 2 m (n + 10).
template <class T>
void least_absolute(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, int threads,
                    double* value, double* parameters, double* gap, Index* rank, double* parameter_error = nullptr,
                    const double* weights = nullptr);

extern template void least_absolute(const double*, const double*, Index, Index, Index, bool, int, double*, double*,
                                    double*, Index*, double*, const double*);
extern template void least_absolute(const float*, const float*, Index, Index, Index, bool, int, double*, double*,
                                    double*, Index*, double*, const double*);

}  // namespace pyrometer::minimum
