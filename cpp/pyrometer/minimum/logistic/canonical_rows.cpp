#include "pyrometer/minimum/logistic/canonical_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "pyrometer/base/splitmix.hpp"

namespace pyrometer::minimum {
namespace {

std::uint64_t bits_of(double x) { return std::bit_cast<std::uint64_t>(x); }

std::vector<Index> first(Index count) {
  std::vector<Index> out(at(count));
  std::iota(out.begin(), out.end(), Index{0});
  return out;
}

}  // namespace

data::Rows<double> as_doubles(const data::Rows<float>& rows, std::vector<double>& numbers) {
  const Index size = rows.rows * rows.features;
  numbers.assign(rows.X, rows.X + size);
  numbers.insert(numbers.end(), rows.y, rows.y + rows.rows);
  return {numbers.data(), numbers.data() + size, rows.rows, rows.features, size, rows.weights};
}

CanonicalRows::CanonicalRows(const data::Rows<double>& rows)
    : features_(rows.features), y_(rows.y, rows.y + rows.rows), weights_(y_.size(), 1.0), order_(first(features_)) {
  X_.reserve(at(rows.rows * features_));
  for (Index k = 0; k < rows.rows * features_; ++k) X_.push_back(rows.X[k] + 0.0);  // no -0
  if (rows.weights) std::copy_n(rows.weights, rows.rows, weights_.begin());
  scale();
  merge();
  sort_columns();
  merge();
  count_weights();
}

void CanonicalRows::scale() {
  const std::size_t p = at(features_);
  exponents_.assign(p, 0);
  for (std::size_t j = 0; j < p; ++j) {
    double largest = 0;
    for (std::size_t k = j; k < X_.size(); k += p) largest = std::max(largest, std::abs(X_[k]));
    const int exponent = largest > 0 && std::isfinite(largest) ? -std::ilogb(largest) : 0;
    bool exact = true;
    for (std::size_t k = j; k < X_.size(); k += p)
      exact = exact && std::ldexp(std::ldexp(X_[k], exponent), -exponent) == X_[k];
    exponents_[j] = exact ? exponent : 0;
    for (std::size_t k = j; k < X_.size(); k += p) X_[k] = std::ldexp(X_[k], exponents_[j]);
  }
}

/// Sorts the rows, and adds the weights of equal ones.
void CanonicalRows::merge() {
  const std::size_t p = at(features_);
  const auto compare = [&](Index a, Index b) {
    if (y_[at(a)] != y_[at(b)]) return y_[at(a)] < y_[at(b)] ? -1 : 1;
    for (std::size_t j = 0; j < p; ++j)
      if (const auto x = bits_of(X_[at(a) * p + j]), z = bits_of(X_[at(b) * p + j]); x != z) return x < z ? -1 : 1;
    return 0;
  };
  std::vector<Index> rows = first(std::ssize(y_));
  std::sort(rows.begin(), rows.end(), [&](Index a, Index b) {
    const int order = compare(a, b);
    return order ? order < 0 : a < b;
  });
  std::vector<double> X, y, weights;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto i = at(rows[k]);
    if (k > 0 && compare(rows[k - 1], rows[k]) == 0) {
      weights.back() += weights_[i];
      continue;
    }
    X.insert(X.end(), X_.data() + i * p, X_.data() + (i + 1) * p);
    y.push_back(y_[i]);
    weights.push_back(weights_[i]);
  }
  X_.swap(X);
  y_.swap(y);
  weights_.swap(weights);
}

void CanonicalRows::sort_columns() {
  const std::size_t p = at(features_), m = y_.size();
  std::vector<std::uint64_t> keys(p, 0), next(p);
  for (int round = 0; round < 3; ++round) {
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t i = 0; i < m; ++i) {
      std::uint64_t row = base::mixed(bits_of(y_[i]) + 1);
      for (std::size_t j = 0; j < p; ++j) row += base::mixed(bits_of(X_[i * p + j]) + 3 * keys[j] + 2);
      for (std::size_t j = 0; j < p; ++j) next[j] += base::mixed(base::mixed(row) + bits_of(X_[i * p + j]));
    }
    keys.swap(next);
  }
  std::sort(order_.begin(), order_.end(),
            [&](Index a, Index b) { return keys[at(a)] != keys[at(b)] ? keys[at(a)] < keys[at(b)] : a < b; });
  std::vector<double> row(p);
  for (std::size_t i = 0; i < m; ++i) {
    std::copy_n(X_.data() + i * p, p, row.data());
    for (std::size_t j = 0; j < p; ++j) X_[i * p + j] = row[at(order_[j])];
  }
}

void CanonicalRows::count_weights() {
  const double least = *std::min_element(weights_.begin(), weights_.end());
  for (double parts = 1; parts <= 12; ++parts) {
    const double unit = least / parts;
    const auto whole = [&](double weight) {
      const double number = weight / unit;
      return number < 0x1p40 && std::abs(number - std::round(number)) <= 0x1p-48 * number;
    };
    if (!std::all_of(weights_.begin(), weights_.end(), whole)) continue;
    for (double& weight : weights_) weight = std::round(weight / unit);
    unit_ = unit;
    return;
  }
}

data::Rows<double> CanonicalRows::rows() const {
  return {X_.data(), y_.data(), std::ssize(y_), features_, std::ssize(X_), weights_.data()};
}

std::vector<double> CanonicalRows::parameters(const std::vector<double>& given) const {
  std::vector<double> out(given);
  for (std::size_t k = 0; k < order_.size() && !given.empty(); ++k)
    out[k] = std::ldexp(given[at(order_[k])], -exponents_[at(order_[k])]);
  return out;
}

void CanonicalRows::back(std::vector<double>& numbers, Index columns) const {
  std::vector<double> own(order_.size());
  for (std::size_t begin = 0; begin + at(columns) <= numbers.size(); begin += at(columns)) {
    std::copy_n(numbers.data() + begin, own.size(), own.data());
    for (std::size_t k = 0; k < own.size(); ++k)
      numbers[begin + at(order_[k])] = std::ldexp(own[k], exponents_[at(order_[k])]);
  }
}

}  // namespace pyrometer::minimum
