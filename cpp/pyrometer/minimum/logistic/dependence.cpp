#include "pyrometer/minimum/logistic/dependence.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/base/double_double.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

constexpr double kLarger = 8;

/// The absolute values of columns, without 0, that one in sixteen is below: most may be fill values; 1 for the constant.
Numbers sizes_of(const data::Rows<double>& rows, std::size_t columns) {
  Numbers sizes(columns, 1.0), values;
  for (Index j = 0; j < rows.features; ++j) {
    values.clear();
    for (Index i = 0; i < rows.rows; ++i)
      if (const double x = std::abs(rows.X[i * rows.features + j]); x > 0) values.push_back(x);
    if (values.empty()) continue;
    const Index low = (std::ssize(values) - 1) / 16;
    std::nth_element(values.begin(), values.begin() + low, values.end());
    sizes[at(j)] = values[at(low)];
  }
  return sizes;
}

}  // namespace

double lowered_by_rounding(const data::Rows<double>& rows, bool intercept, const std::vector<Numbers>& null,
                           const Numbers& slopes, const Numbers& theta) {
  const std::size_t n = at(rows.features + (intercept ? 1 : 0)), classes = slopes.size() / at(rows.rows);
  if (null.empty() || n == 0) return 0;
  const Numbers sizes = sizes_of(rows, n);
  double most = 1, lowered = 0;
  for (std::size_t k = 0; k < theta.size(); ++k) most = std::max(most, std::abs(theta[k]) * sizes[k % n]);
  for (const Numbers& v : null) {
    double size = 0;
    for (std::size_t j = 0; j < n; ++j) size = std::max(size, std::abs(v[j]) * sizes[j]);
    std::vector<base::DoubleDouble> sums(classes);
    for (Index i = 0; i < rows.rows; ++i) {
      base::DoubleDouble product = intercept ? v.back() : 0.0;
      for (Index j = 0; j < rows.features; ++j) product.add_product(rows.X[i * rows.features + j], v[at(j)]);
      for (std::size_t c = 0; c < classes; ++c) sums[c].add(slopes[at(i) * classes + c] * product.value());
    }
    for (const base::DoubleDouble& sum : sums) lowered += kLarger * most / size * std::abs(sum.value());
  }
  return lowered;
}

}  // namespace pyrometer::minimum
