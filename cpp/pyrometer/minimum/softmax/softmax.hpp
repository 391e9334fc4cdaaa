// The lowest softmax cross entropy of a linear model.
#pragma once

#include <span>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// s systems of m rows each: X is s x m x p; y is s x m, classes 0 .. classes - 1; weights is s x m, positive and of
/// mean 1 in each system, or nullptr.
template <class T>
struct RowsOfClasses {
  const T* X = nullptr;
  const T* y = nullptr;
  Index systems = 0;
  Index rows = 0;
  Index features = 0;
  Index classes = 2;
  bool intercept = true;
  const double* weights = nullptr;

  [[nodiscard]] Index columns() const { return features + (intercept ? 1 : 0); }
};

/// Outputs, one element (or C n numbers) for each system.
///
/// value       E*, the infimum.
/// parameters  s x C x n, the intercept of each class last. Their sum over the classes is 0 (but for classes without
///             rows), and they are 0 for columns that depend on others. One iterate if no minimum exists.
/// gap         value - E* and E(parameters) - E* are at most this. Where no bound is found the gap is the value itself:
///             E* is only known to lie between 0 and E(parameters).
/// attained    whether a minimum exists.
/// parameter_error  bounds of the distances from the minimiser whose parameters have the sum 0 over the classes;
///             infinite if there is none, columns depend on others, or the bound does not close. Or empty.
/// direction   s x C x n: parameters along which the losses of separated rows tend to 0 and those of no other grow; 0
///             if none are separated or that is not decided. Or empty.
/// rank        number of linearly independent columns, the constant one not counted.
/// iterations  number of evaluations of all rows.
struct SoftmaxMinima {
  std::span<double> value;
  std::span<double> parameters;
  std::span<double> gap;
  std::span<bool> attained;
  std::span<Index> rank;
  std::span<Index> iterations;
  std::span<double> parameter_error = {};
  std::span<double> direction = {};
};

/// Finds the infimum of the softmax cross entropy for every system.
///
///     E(theta) = (1/m) sum_i w_i [ln sum_c e^{z_ic} - z_i,y_i],    z_ic = x_i . theta_c (+ theta_c0);    E* = inf E
///
/// threads  at least 1, or 0 for what OpenMP offers.
///
/// Throws std::invalid_argument for classes that are no whole numbers 0 .. classes - 1, and for values that are not
/// finite.
///
/// Few rows: Newton's method. Many: Newton's method over a sample, then a limited-memory quasi-Newton method over all
/// rows, preconditioned by the Hessian of the sample; Newton's method over all rows if that Hessian is singular, as
/// where the sample has no row of a rare value, or if the other takes as long. The gap is a dual bound (descent.hpp). A
/// class without rows, with an intercept, is left out: E* is the infimum over the others. If no minimum is found on
/// well conditioned columns, facial reduction (faces.hpp) finds the classes of rows that are separated, whose terms
/// tend to 0, and E* is the minimum without them. Where rounding of the parameters may matter, the gap includes the
/// loss that they have. Rows in canonical form, and dependent columns, as in logistic/logistic.hpp.
///
/// Reproducible: the same bits for any number of threads, on one instruction-set level.
///
/// Cost of many rows: about ten passes of 6 m n C flops and m C exponentials; of few, m n^2 C^2 / 2 flops for each of
/// about eight. Small systems run in parallel, large ones each use all threads.
template <class T>
void softmax(const RowsOfClasses<T>& data, int threads, const SoftmaxMinima& out);

extern template void softmax(const RowsOfClasses<double>&, int, const SoftmaxMinima&);
extern template void softmax(const RowsOfClasses<float>&, int, const SoftmaxMinima&);

}  // namespace pyrometer::minimum
