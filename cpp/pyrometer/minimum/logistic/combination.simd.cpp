#include "pyrometer/minimum/logistic/combination.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

void Tile::combine(const double* theta, double constant, double* __restrict value, double* __restrict size) const {
  double low[kRows] = {};
  std::fill(value, value + count_, constant);
  std::fill(size, size + count_, std::abs(constant));
  for (Index j = 0; j < columns_; ++j) {
    const double factor = theta[j];
    if (factor == 0) continue;
    const double* const column = numbers_.data() + j * kRows;
    for (Index k = 0; k < count_; ++k) {
      const double product = column[k] * factor;
      base::add_compensated(value[k], low[k], product);
      low[k] += product_error(column[k], factor, product);
      size[k] += std::abs(product);
    }
  }
  for (Index k = 0; k < count_; ++k) value[k] += low[k];
}

}  // namespace pyrometer::minimum
