// Residuals of a linear model and their sums, in double-double precision.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

/// The columns of the design: x (centred when the intercept is free), then the constant one when it is penalised.
struct Shape {
  Index rows;
  Index features;
  bool centred;
  bool constant;
  double l2;

  [[nodiscard]] Index columns() const { return features + (constant ? 1 : 0); }
  [[nodiscard]] Index parameters() const { return features + (centred || constant ? 1 : 0); }
};

template <class T>
struct Rows {
  const T* X;
  const T* y;
  const double* mean;
  const double* weights = nullptr;  ///< w, > 0, of sum `Shape::rows`; null: all 1
};

/// Throws std::invalid_argument, naming the system, for a number that is not finite.
template <class T>
void require_finite(const Shape& shape, const Rows<T>& rows, Index system);

/// Sums over rows at given parameters.
struct Sums {
  DoubleDouble squares;                ///< r' W r, W the diagonal matrix of the weights
  DoubleDouble total;                  ///< sum of w r
  std::vector<DoubleDouble> gradient;  ///< X' W r, one for each feature

  void add(const Sums& other);
  /// d_j . r for column j of the design.
  [[nodiscard]] DoubleDouble gradient_of(const Shape& shape, const double* mean, Index j) const;
};

/// Sums over rows [begin, end) of r_i = y_i - x_i . theta - theta_0, all in double-double arithmetic.
///
/// theta  shape.parameters() numbers, the intercept last.
///
/// The relative error is a few 2^-53 unless the residuals are smaller than 2^-106 times their terms. The bits are the
/// same at every instruction-set level.
///
/// Cost: about 40 flops an element; 64 rows and 16 p doubles of scratch.
template <class T>
[[nodiscard]] Sums sums_over(const Shape& shape, const Rows<T>& data, const double* theta, Index begin, Index end);

}  // namespace pyrometer::minimum
