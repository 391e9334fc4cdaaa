#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

#include "pyrometer/base/double_double.hpp"

namespace pyrometer::minimum::absolute {

double Table::rows() const {
  if (weights == nullptr) return static_cast<double>(count);
  base::DoubleDouble sum;
  for (Index i = 0; i < count; ++i) sum.add(weights[i]);
  return sum.value();
}

Block Table::block(Index b, double* scratch) const {
  const Index first = b * kBlock, used = std::min(kBlock, count - first);
  double* y = scratch + columns * kBlock;
  std::fill(scratch, scratch + (columns + 1) * kBlock, 0.0);
  Vec x(at(columns + 1));
  for (Index l = 0; l < used; ++l) {
    y[l] = row(first + l, x.data());
    for (Index j = 0; j < columns; ++j) scratch[j * kBlock + l] = x[at(j)];
  }
  return {scratch, y};
}

bool Table::exact(Index begin, Index end) const {
  Vec x(at(features + 1));
  for (Index i = begin; i < end; ++i) {
    x[at(features)] = raw(i, x.data());
    for (Index j = 0; j <= features; ++j)
      if (rounding_of_difference(x[at(j)], centre[j]) != 0) return false;
  }
  return true;
}

}  // namespace pyrometer::minimum::absolute
