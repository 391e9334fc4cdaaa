// Cross entropy, gradient and curvature of a part of the rows: out-of-core evaluation.
#pragma once

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// Outputs of evaluate_once(). Sums over rows, not means; n numbers each.
struct EvaluationArrays {
  double* gradient = nullptr;   ///< sum_i (sigma(t_i) - y_i) d_i
  double* size = nullptr;       ///< sum_i |(sigma(t_i) - y_i) d_ij|: the terms of the gradient
  double* reach = nullptr;      ///< max_i |d_ij|
  double* curvature = nullptr;  ///< n x n, sum_i sigma'(t_i) d_i d_i', or nullptr
  double loss = 0;              ///< sum_i ln(1 + e^-z_i), z_i = (2 y_i - 1) t_i
  double least = 0;             ///< min_i z_i
};

/// One evaluation of a LossEvaluator (loss_and_derivatives.hpp), for callers whose rows do not fit into memory: results
/// of parts of the rows add up; `least` and `reach` combine by minimum and maximum.
///
///     d_i = (x_i - shift, 1)   or, without intercept,   x_i - shift          t_i = d_i . theta
///
/// rows     finite; labels 0 or 1; at least one row. Weights are factors of the terms.
/// threads  at least 1, or 0 for what OpenMP offers; the same bits for any number.
///
/// Cost: 6 m n flops and one pass over the rows; with curvature m n^2 + m n more. Call without the GIL.
template <class T>
void evaluate_once(const data::Rows<T>& rows, bool intercept, const double* shift, const double* theta, int threads,
                   EvaluationArrays& out);

extern template void evaluate_once(const data::Rows<double>&, bool, const double*, const double*, int,
                                   EvaluationArrays&);
extern template void evaluate_once(const data::Rows<float>&, bool, const double*, const double*, int,
                                   EvaluationArrays&);

}  // namespace pyrometer::minimum
