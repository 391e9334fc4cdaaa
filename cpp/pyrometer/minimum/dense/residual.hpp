// The residual of a linear equation in double-double arithmetic.
#pragma once

#include "pyrometer/base/double_double.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

using base::DoubleDouble;
using base::product_error;

/// y - a . b, rounded once. About 12 flops an element with fma.
inline double residual(double y, const double* a, const double* b, Index size) {
  DoubleDouble sum = y;
  for (Index i = 0; i < size; ++i) sum.add_product(-a[i], b[i]);
  return sum.value();
}

}  // namespace pyrometer::minimum
