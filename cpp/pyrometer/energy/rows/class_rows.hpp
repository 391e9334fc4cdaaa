// Mean softmax cross entropies of linear models under normal laws whose scales differ between classes.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// Averages over rows, for every system and law:
///
///     s_ic(b)^2  = sum_j scale(b, c, j)^2 x_ij^2     (plus scale(b, c, n-1)^2 with an intercept)
///     mean(k, b) = (1/m) sum_i E ln sum_c e^{s_ic(b) Z_c}
///
/// X         systems x rows x features, finite.
/// scale     laws x (classes n), n = features + intercept: standard deviations, class by class.
/// mean      systems x laws, out.
/// slope     systems x laws, out, or null: the derivative of the mean along the common logarithm of the scales.
/// limit     whether the mean is that of max_c s_ic Z_c, the limit of wide laws.
/// weights   systems x rows, finite, or null: factors of each row's term, which sum to `rows`.
///
/// Throws std::invalid_argument where s_ic overflows.
///
/// Reproducible: fixed chunks of rows, summed in order. Cost of a row and law: 0.3 to 1.5 ms for each different s_ic,
/// by quadrature (log_sum_exp.hpp). Where all classes have the same scales, normal_rows takes 10 ns.
template <class T>
void class_rows(const T* X, Index systems, Index rows, Index features, bool intercept, Index classes, Matrix scale,
                bool limit, int threads, double* mean, double* slope, const double* weights = nullptr);

extern template void class_rows(const double*, Index, Index, Index, bool, Index, Matrix, bool, int, double*, double*,
                                const double*);
extern template void class_rows(const float*, Index, Index, Index, bool, Index, Matrix, bool, int, double*, double*,
                                const double*);

}  // namespace pyrometer::energy
