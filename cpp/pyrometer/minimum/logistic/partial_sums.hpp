// One look at rows that come in parts: cross entropy, gradient and curvature at given parameters.
#pragma once

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// Where evaluate_once() leaves what it finds. Sums over rows, not means; n numbers each.
struct EvaluationArrays {
  double* gradient = nullptr;   ///< sum_i (sigma(t_i) - y_i) d_i
  double* size = nullptr;       ///< sum_i |(sigma(t_i) - y_i) d_ij|: what the gradient's rounding is relative to
  double* reach = nullptr;      ///< max_i |d_ij|
  double* curvature = nullptr;  ///< n x n, sum_i sigma'(t_i) d_i d_i', or not asked for
  double loss = 0;              ///< sum_i ln(1 + e^-z_i), z_i = (2 y_i - 1) t_i
  double least = 0;             ///< min_i z_i
};

/// A single look of a LossEvaluator (logistic_sweep.hpp), for callers whose rows do not fit into memory: looks at parts
/// add up, `least` and `reach` by their extremes.
///
///     d_i = (x_i - shift, 1)   or, without intercept,   x_i - shift          t_i = d_i . theta
///
/// rows     finite; labels 0 or 1; at least one row.
/// threads  at least 1, or 0 for what OpenMP offers; changes no bit.
///
/// Cost: 6 m n flops and one reading of the rows; with curvature m n^2 + m n more. Call without the GIL.
template <class T>
void evaluate_once(const data::Rows<T>& rows, bool intercept, const double* shift, const double* theta, int threads,
                   EvaluationArrays& out);

extern template void evaluate_once(const data::Rows<double>&, bool, const double*, const double*, int,
                                   EvaluationArrays&);
extern template void evaluate_once(const data::Rows<float>&, bool, const double*, const double*, int,
                                   EvaluationArrays&);

}  // namespace pyrometer::minimum
