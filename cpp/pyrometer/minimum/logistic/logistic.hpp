// The lowest cross entropy of a linear model: logistic regression without a penalty.
#pragma once

#include <span>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// s systems of m rows each: X is s x m x p, y is s x m, both C-contiguous; weights are s x m, finite, > 0, of sum m
/// for each system, or null: all 1.
template <class T>
struct LabelledRows {
  const T* X = nullptr;
  const T* y = nullptr;
  Index systems = 0;
  Index rows = 0;
  Index features = 0;
  bool intercept = true;
  const double* weights = nullptr;

  [[nodiscard]] Index parameters() const { return features + (intercept ? 1 : 0); }
};

/// Outputs, one element (or n numbers) for each system.
///
/// value       E*, the infimum.
/// parameters  s x n, a minimiser, the intercept last; 0 for redundant columns.
/// gap         E(parameters) - E* and value - E* are at most this; |value - E*| up to a few units in the last place.
///             Where the bound does not close (for instance with a row that is 1e9 times larger than the others and
///             near the decision boundary) the gap is the value itself: E* is only known to lie between 0 and
///             E(parameters).
/// attained    whether a minimum exists; otherwise E* is approached only as parameters grow without bound.
/// parameter_error  s x n, bounds of the distances from the minimiser; infinite if there is none, or several, or the
///             bound does not close.
/// direction   s x n: parameters along which the losses of separated rows tend to 0 and those of no other grow; 0 if
///             none are separated or that is not decided. Or empty.
/// rank        number of linearly independent columns, the constant one not counted.
/// iterations  number of evaluations of all rows.
struct LogisticMinima {
  std::span<double> value;
  std::span<double> parameters;
  std::span<double> gap;
  std::span<bool> attained;
  std::span<double> parameter_error;
  std::span<Index> rank;
  std::span<Index> iterations;
  std::span<double> direction = {};
};

/// Finds the infimum of the cross entropy for every system.
///
///     E(theta) = (1/m) sum_i [ln(1 + e^-t_i) + (1 - y_i) t_i],    t_i = x_i . theta (+ theta_0)       (4.1)
///     E*       = inf E                                  (each term times the weight of the row, if any)
///
/// data     X finite; y 0 or 1; m >= 1.
/// threads  at least 1, or 0 for what OpenMP offers.
///
/// Throws std::invalid_argument naming the first cell that is not finite, the first label that is neither 0 nor 1, or
/// the column whose squares over- or underflow.
///
/// Newton's method, started from the minima over growing samples of evenly spaced rows, on columns minus their mean.
/// The gap is a dual bound that includes rounding errors (newton.hpp). If the labels are separable, completely or
/// quasi-completely, no minimum exists: facial reduction in double-double precision determines the separated rows,
/// whose losses tend to 0, and E* is the minimum over the others (separation.hpp). attained = 1 is as certain as the
/// gap: a dual point in the interior of its box proves it.
///
/// Where Newton's method on the given columns does not find a minimum, up to 2^16 elements are brought into a form that
/// does not depend on the order of rows and columns (canonical_rows.hpp). Columns that depend on others but for
/// rounding have no parameters of their own; the gap includes what that may change (dependence.hpp).
///
/// Reproducible: the same bits for any number of threads, on one instruction-set level.
///
/// Cost: m n^2 flops, once or twice, and 6 m n flops for each of three to six passes over X. Small systems run in
/// parallel, large ones each use all threads. No global state; call without the GIL.
template <class T>
void logistic(const LabelledRows<T>& data, int threads, const LogisticMinima& out);

extern template void logistic(const LabelledRows<double>&, int, const LogisticMinima&);
extern template void logistic(const LabelledRows<float>&, int, const LogisticMinima&);

}  // namespace pyrometer::minimum
