#include "pyrometer/minimum/logistic/dependence.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/base/double_double.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

constexpr double kLarger = 8;
// A part of the loss that may be added to a gap without further thought.
constexpr double kNegligible = 3e-14;
constexpr Index kRowsOfSizes = 1024;

/// The absolute values of columns, without 0, that one in sixteen is below: most may be fill values; 1 for the
/// constant.
Numbers sizes_of(const data::Rows<double>& rows, std::size_t columns) {
  Numbers sizes(columns, 1.0), values;
  for (Index j = 0; j < rows.features; ++j) {
    values.clear();
    for (Index i = 0; i < rows.rows; i += std::max<Index>(1, rows.rows / kRowsOfSizes))
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
                           const Numbers& theta, double loss, const std::function<Numbers()>& slopes) {
  const std::size_t n = at(rows.features + (intercept ? 1 : 0));
  if (null.empty() || n == 0) return 0;
  const Numbers sizes = sizes_of(rows, n);
  double most = 1, total = 0;
  for (std::size_t k = 0; k < theta.size(); ++k) most = std::max(most, std::abs(theta[k]) * sizes[k % n]);
  Numbers factors, products;  // null x rows
  Tile tile(rows.features);
  double value[Tile::kRows], terms[Tile::kRows];
  for (const Numbers& v : null) {
    double size = 0, sum = 0;
    for (std::size_t j = 0; j < n; ++j) size = std::max(size, std::abs(v[j]) * sizes[j]);
    factors.push_back(kLarger * most / size);
    for (Index begin = 0; begin < rows.rows; begin += Tile::kRows) {
      tile.fill(std::min(Tile::kRows, rows.rows - begin),
                [&](Index k) { return rows.X + (begin + k) * rows.features; });
      tile.combine(v.data(), intercept ? v.back() : 0.0, value, terms);
      products.insert(products.end(), value, value + tile.rows());
      for (Index k = 0; k < tile.rows(); ++k)
        sum += (rows.weights ? rows.weights[begin + k] : 1.0) * std::abs(value[k]);
    }
    total += 2 * factors.back() * sum;  // derivatives by all logits of a row have absolute values of sum 2 at most
  }
  if (total <= kNegligible * loss) return total;
  const Numbers slope = slopes();
  const std::size_t classes = slope.size() / at(rows.rows);
  total = 0;
  for (std::size_t v = 0; v < null.size(); ++v)
    for (std::size_t c = 0; c < classes; ++c) {
      base::DoubleDouble sum;
      for (std::size_t i = 0; i < at(rows.rows); ++i) sum.add(slope[i * classes + c] * products[v * at(rows.rows) + i]);
      total += factors[v] * std::abs(sum.value());
    }
  return total >= 0 ? total : INFINITY;  // not nan
}

DenseColumn dependent_column(const data::Rows<double>& rows, bool intercept, const std::vector<Numbers>& null) {
  constexpr double kLarge = 0x1p-10, kDenser = 1.5;
  DenseColumn best;
  if (null.empty()) return best;
  const Index p = rows.features, n = p + (intercept ? 1 : 0);
  const Numbers sizes = sizes_of(rows, at(n));
  Numbers elements(at(n), 0.0);
  for (Index i = 0; i < rows.rows; ++i)
    for (Index j = 0; j < n; ++j) elements[at(j)] += j == p || rows.X[i * p + j] != 0 ? 1 : 0;
  double ratio = kDenser;
  for (const Numbers& v : null) {
    double most = 0, fewest = INFINITY;
    Index densest = -1;
    for (std::size_t j = 0; j < at(n); ++j) most = std::max(most, std::abs(v[j]) * sizes[j]);
    for (Index j = 0; j < n; ++j) {
      if (elements[at(j)] == 0 || !(std::abs(v[at(j)]) * sizes[at(j)] >= kLarge * most)) continue;
      fewest = std::min(fewest, elements[at(j)]);
      if (densest < 0 || elements[at(j)] >= elements[at(densest)]) densest = j;
    }
    if (densest >= 0 && elements[at(densest)] > ratio * fewest)
      ratio = elements[at(densest)] / fewest, best = {densest, &v};
  }
  return best;
}

Numbers without_column(const data::Rows<double>& rows, Index column) {
  Numbers out;
  if (column == rows.features) return out;
  out.reserve(at(rows.rows * (rows.features - 1)));
  for (Index i = 0; i < rows.rows * rows.features; ++i)
    if (i % rows.features != column) out.push_back(rows.X[i]);
  return out;
}

RowSubset::RowSubset(const data::Rows<double>& rows, const std::vector<Index>& which) : features_(rows.features) {
  for (const Index i : which) {
    X_.insert(X_.end(), rows.X + i * features_, rows.X + (i + 1) * features_);
    y_.push_back(rows.y[i]);
    if (rows.weights) weights_.push_back(rows.weights[i]);
  }
}

data::Rows<double> RowSubset::rows() const {
  const double* const weights = weights_.empty() ? nullptr : weights_.data();
  return {X_.data(), y_.data(), std::ssize(y_), features_, std::ssize(X_), weights};
}

}  // namespace pyrometer::minimum
