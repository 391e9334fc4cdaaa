#include "pyrometer/minimum/logistic/elimination.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/minimum/dense/equilibrate.hpp"
#include "pyrometer/minimum/logistic/smallest_point.hpp"

namespace pyrometer::minimum {
namespace {

/// a -= f u, 0 where that is at rounding level of the terms so far.
void subtract(DoubleDouble& a, double& terms, DoubleDouble f, DoubleDouble u) {
  if (u.hi == 0) return;
  const DoubleDouble part = f * u;
  a = a - part;
  terms = std::max(terms, std::abs(part.hi));
  if (std::abs(a.hi) <= kVanishing * terms) a = DoubleDouble();
}

}  // namespace

Elimination::Elimination(Wide rows, Index width, const std::vector<double>& factors) : width_(width) {
  const Index count = width ? std::ssize(rows) / width : 0;
  exponents_ = column_exponents(count, width, [&](Index i, Index j) { return rows[at(i * width + j)].hi; });
  std::vector<double> terms(rows.size());
  for (std::size_t q = 0; q < rows.size(); ++q) {
    rows[q] = rows[q].scaled(exponents_[q % at(width)]);
    terms[q] = std::abs(rows[q].hi);
  }
  std::vector<bool> used(at(count), false), taken(at(width), false);
  for (;;) {
    base::throw_if_interrupted();
    Index row = -1, column = -1;
    double most = 0;
    for (Index i = 0; i < count; ++i)
      for (Index j = 0; j < width && !used[at(i)]; ++j)
        if (const double size = factors[at(i)] * std::abs(rows[at(i * width + j)].hi); !taken[at(j)] && size > most)
          most = size, row = i, column = j;
    if (row < 0) break;
    const DoubleDouble* const pivot = rows.data() + row * width;
    used[at(row)] = taken[at(column)] = true;
    rows_.push_back(row);
    columns_.push_back(column);
    for (Index j = 0; j < width; ++j) upper_.push_back(j == column || !taken[at(j)] ? pivot[j] : DoubleDouble());
    const DoubleDouble* const upper = upper_.data() + std::ssize(upper_) - width;
    for (Index i = 0; i < count; ++i) {
      DoubleDouble* const own = rows.data() + i * width;
      if (used[at(i)] || own[column].hi == 0) continue;
      const DoubleDouble f = own[column] / upper[column];
      own[column] = f;
      for (Index j = 0; j < width; ++j)
        if (!taken[at(j)]) subtract(own[j], terms[at(i * width + j)], f, upper[j]);
    }
  }
  lower_.resize(at(count * rank()));
  for (Index i = 0; i < count; ++i)
    for (Index k = 0; k < rank(); ++k) {
      lower_[at(i * rank() + k)] = rows_[at(k)] == i ? DoubleDouble(1) : rows[at(i * width + columns_[at(k)])];
      if (rows_[at(k)] == i) break;
    }
}

std::vector<double> Elimination::coordinates(const std::vector<double>& values) const {
  Wide phi;
  for (Index k = 0; k < rank(); ++k) {
    DoubleDouble sum = values[at(rows_[at(k)])];
    for (Index l = 0; l < k; ++l) sum = sum - lower_[at(rows_[at(k)] * rank() + l)] * phi[at(l)];
    phi.push_back(sum);
  }
  std::vector<double> out;
  for (const DoubleDouble& x : phi) out.push_back(x.hi);
  return out;
}

std::vector<double> Elimination::solution(const std::vector<double>& phi) const {
  Wide theta(at(width_));
  for (Index k = rank(); k-- > 0;) {
    DoubleDouble sum = phi[at(k)];
    for (Index l = k + 1; l < rank(); ++l)
      sum = sum - upper_[at(k * width_ + columns_[at(l)])] * theta[at(columns_[at(l)])];
    theta[at(columns_[at(k)])] = sum / upper_[at(k * width_ + columns_[at(k)])];
  }
  std::vector<double> out;
  for (std::size_t j = 0; j < theta.size(); ++j) out.push_back(theta[j].scaled(exponents_[j]).hi);
  return out;
}

std::optional<std::vector<double>> Elimination::combination(Wide x) const {
  std::vector<double> terms, out;
  for (std::size_t j = 0; j < x.size(); ++j) {
    x[j] = x[j].scaled(exponents_[j]);
    terms.push_back(std::abs(x[j].hi));
  }
  for (Index k = 0; k < rank(); ++k) {
    const DoubleDouble* const upper = upper_.data() + k * width_;
    const DoubleDouble f = x[at(columns_[at(k)])] / upper[columns_[at(k)]];
    x[at(columns_[at(k)])] = 0;
    for (Index j = 0; j < width_; ++j)
      if (j != columns_[at(k)]) subtract(x[at(j)], terms[at(j)], f, upper[j]);
    out.push_back(f.hi);
  }
  if (std::any_of(x.begin(), x.end(), [](const DoubleDouble& value) { return value.hi != 0; })) return {};
  return out;
}

}  // namespace pyrometer::minimum
