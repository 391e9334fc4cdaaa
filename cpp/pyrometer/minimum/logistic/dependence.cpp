#include "pyrometer/minimum/logistic/dependence.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/base/double_double.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

constexpr double kLarger = 8;
// A part of the loss that may be added to a gap without further thought.
constexpr double kNegligible = 3e-14;
constexpr Index kRowsOfSizes = 1024;
// Rounding errors of a combination of columns are up to so many times those of its terms, and in other rows than those
// that it was found from up to so many times larger.
constexpr double kFurther = 64;
// By so many rows more than columns a combination is at rounding level not by chance.
constexpr Index kMore = 4;
// What is left of numbers beside much larger ones is less than the rounding of these, relative to them.
constexpr double kLeastRounding = 0x1p-56;

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

/// Whether a number may be rounded: it has more than 40 bits.
bool has_many_bits(double x) {
  const double high = x * 0x1p12 + x;
  return x != high - (high - x);
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

std::vector<bool> large_rows(const data::Rows<double>& rows, bool intercept) {
  constexpr double kLarge = 0x1p30;
  const Numbers sizes = sizes_of(rows, at(rows.features + (intercept ? 1 : 0)));
  std::vector<bool> out;
  for (Index i = 0; i < rows.rows; ++i) {
    bool large = false;
    for (Index j = 0; j < rows.features; ++j)
      large = large || std::abs(rows.X[i * rows.features + j]) > kLarge * sizes[at(j)];
    out.push_back(large);
  }
  return out;
}

ReducedColumns::ReducedColumns(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& left_out,
                               int threads)
    : rows_(rows) {
  const Index p = rows.features;
  std::vector<Index> others;
  for (Index i = 0; i < rows.rows; ++i)
    if (!left_out[at(i)]) others.push_back(i);
  if (std::ssize(others) < p + kMore) return;
  const RowSubset part(rows, others);
  const Basis basis = reduce(Matrix{part.rows().X, part.rows().rows, p}, intercept, false, threads);
  std::vector<bool> free(at(p + 1), true);
  for (const Index j : basis.kept) free[at(j)] = false;
  if (basis.null.empty()) return;
  X_.assign(rows.X, rows.X + rows.rows * p);
  Numbers value(at(rows.rows)), terms(value);
  Tile tile(p);
  const double unit = static_cast<double>(p + 1) * kUnit;
  // The last column that was found to depend on others is the only one of those in its combination.
  for (auto combination = basis.null.rbegin(); combination != basis.null.rend(); ++combination) {
    const Numbers& v = *combination;
    Index own = -1;
    for (Index j = 0; j < p; ++j)
      if (free[at(j)] && v[at(j)] != 0) own = j;
    if (own < 0) continue;
    free[at(own)] = false;
    for (Index begin = 0; begin < rows.rows; begin += Tile::kRows) {
      tile.fill(std::min(Tile::kRows, rows.rows - begin), [&](Index k) { return rows.X + (begin + k) * p; });
      tile.combine(v.data(), intercept ? v.back() : 0.0, &value[at(begin)], &terms[at(begin)]);
    }
    double most = 0;  // of the terms
    bool rounded = false;
    Numbers shares(at(p), 0.0);  // of the terms, at most, in these rows: they determine coefficients as accurately
    for (const Index i : others) {
      most = std::max(most, std::abs(value[at(i)]) / terms[at(i)]);  // not nan, the ratio of zeros
      for (Index k = 0; k < p; ++k) {
        shares[at(k)] = std::max(shares[at(k)], std::abs(v[at(k)] * rows.X[i * p + k]) / terms[at(i)]);
        rounded = rounded || (value[at(i)] != 0 && v[at(k)] != 0 && has_many_bits(rows.X[i * p + k]));
      }
    }
    if (!(rounded && most > kLeastRounding && most <= kFurther * unit)) continue;
    replaced_.push_back(own);
    null_.push_back(v);
    most = std::max(most, unit);
    for (Index i = 0; i < rows.rows; ++i) {
      double size = intercept ? std::abs(v.back()) : 0;
      for (Index k = 0; k < p; ++k)
        if (shares[at(k)] > 0) size += std::abs(v[at(k)] * rows.X[i * p + k]) / shares[at(k)];
      const double rounding = kFurther * std::min(most * size, kFurther * unit * terms[at(i)]);
      const bool zero = !left_out[at(i)] || std::abs(value[at(i)]) <= rounding;
      X_[at(i * p + own)] = zero ? 0 : value[at(i)];
    }
  }
}

data::Rows<double> ReducedColumns::rows() const {
  data::Rows<double> out = rows_;
  out.X = X_.data(), out.readable = std::ssize(X_);
  return out;
}

double ReducedColumns::lowered(Numbers theta, double loss, const std::function<Numbers()>& slopes) const {
  const std::size_t p = at(rows_.features), n = null_[0].size();
  for (std::size_t k = 0; k < theta.size(); k += n)
    for (const Index j : replaced_) theta[k + at(j)] = 0;
  double total = 0;
  for (std::size_t c = 0; c < null_.size(); ++c)
    total += lowered_by_rounding(rows_, n > p, {null_[c]}, theta, loss, [&] {
      Numbers slope = slopes();
      const std::size_t classes = slope.size() / at(rows_.rows);
      for (std::size_t k = 0; k < slope.size(); ++k)
        if (X_[k / classes * p + at(replaced_[c])] != 0) slope[k] = 0;
      return slope;
    });
  return total;
}

void ReducedColumns::back(Numbers& theta) const {
  const std::size_t n = null_[0].size();
  for (std::size_t k = 0; k < theta.size(); k += n) {
    Numbers own;
    for (const Index j : replaced_) own.push_back(std::exchange(theta[k + at(j)], 0.0));
    for (std::size_t c = 0; c < own.size(); ++c)
      for (std::size_t j = 0; j < n; ++j) theta[k + j] += own[c] * null_[c][j];
  }
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
