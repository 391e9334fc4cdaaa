#include "pyrometer/minimum/faces/elimination.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/minimum/dense/equilibrate.hpp"
#include "pyrometer/minimum/faces/smallest_point.hpp"

namespace pyrometer::minimum {
namespace {

/// a -= f u, 0 where that is at rounding level of the terms so far: `lost` is what was there. Without branches, so that
/// loops are pipelined.
inline void subtract(DoubleDouble& a, double& terms, double& lost, DoubleDouble f, DoubleDouble u) {
  const DoubleDouble part = f * u, rest = a - part;
  const bool none = u.hi == 0;
  terms = none ? terms : std::max(terms, std::abs(part.hi));
  const bool zero = std::abs(rest.hi) <= kVanishing * terms;
  lost = zero && !none ? std::max(lost, std::abs(rest.hi)) : lost;
  a.hi = none ? a.hi : zero ? 0 : rest.hi;
  a.lo = none ? a.lo : zero ? 0 : rest.lo;
}

}  // namespace

Elimination::Elimination(const Wide& rows, Index width, const std::vector<double>& factors)
    : Elimination(rows,
                  column_exponents(width ? std::ssize(rows) / width : 0, width,
                                   [&](Index i, Index j) { return rows[at(i * width + j)].hi; }),
                  factors, 0) {}

Elimination::Elimination(Wide rows, std::vector<int> exponents, const std::vector<double>& factors, double least)
    : width_(std::ssize(exponents)), exponents_(std::move(exponents)) {
  const Index width = width_, count = width ? std::ssize(rows) / width : 0;
  std::vector<double> terms(rows.size());
  errors_.assign(rows.size(), 0.0);
  for (std::size_t q = 0; q < rows.size(); ++q) {
    rows[q] = rows[q].scaled(exponents_[q % at(width)]);
    terms[q] = std::abs(rows[q].hi);
  }
  std::vector<bool> taken(at(width), false);
  // The largest element of each row in the columns that are not taken, in rows times their factors, and its column; 0
  // for rows that are.
  std::vector<double> most(at(count));
  std::vector<Index> where(at(count));
  const auto survey = [&](Index i) {
    most[at(i)] = 0;
    for (Index j = 0; j < width; ++j)
      if (const double own = std::abs(rows[at(i * width + j)].hi), size = factors[at(i)] * own;
          !taken[at(j)] && own > least && size > most[at(i)])
        most[at(i)] = size, where[at(i)] = j;
  };
  for (Index i = 0; i < count; ++i) survey(i);
  std::vector<Index> others;  // columns that a pivot changes
  while (count > 0) {
    base::throw_if_interrupted();
    const Index row = std::max_element(most.begin(), most.end()) - most.begin(), column = where[at(row)];
    if (!(most[at(row)] > 0)) break;
    const DoubleDouble* const pivot = rows.data() + row * width;
    most[at(row)] = 0;
    taken[at(column)] = true;
    rows_.push_back(row);
    columns_.push_back(column);
    for (Index j = 0; j < width; ++j) upper_.push_back(j == column || !taken[at(j)] ? pivot[j] : DoubleDouble());
    const DoubleDouble* const upper = upper_.data() + std::ssize(upper_) - width;
    others.clear();
    for (Index j = 0; j < width; ++j)
      if (j != column && upper[j].hi != 0) others.push_back(j);
    for (Index i = 0; i < count; ++i) {
      DoubleDouble* const own = rows.data() + i * width;
      if (most[at(i)] == 0 || own[column].hi == 0) continue;
      const DoubleDouble f = own[column] / upper[column];
      own[column] = f;
      for (const Index j : others) subtract(own[j], terms[at(i * width + j)], errors_[at(i * width + j)], f, upper[j]);
      survey(i);
    }
  }
  for (std::size_t q = 0; q < errors_.size(); ++q) errors_[q] += kWideRounding * terms[q];
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

std::vector<double> Elimination::solution(const std::vector<double>& phi, const std::vector<double>& others) const {
  Wide theta(at(width_));
  for (std::size_t j = 0; j < others.size(); ++j) theta[j] = DoubleDouble(others[j]).scaled(-exponents_[j]);
  for (Index k = rank(); k-- > 0;) {
    const Index own = columns_[at(k)];
    const DoubleDouble* const upper = upper_.data() + k * width_;  // 0 in the columns of earlier pivots
    DoubleDouble sum = phi[at(k)];
    for (Index j = 0; j < width_; ++j)
      if (j != own && upper[j].hi != 0 && theta[at(j)].hi != 0) sum = sum - upper[j] * theta[at(j)];
    theta[at(own)] = sum / upper[own];
  }
  std::vector<double> out;
  for (std::size_t j = 0; j < theta.size(); ++j) out.push_back(theta[j].scaled(exponents_[j]).hi);
  return out;
}

double Elimination::error_of(Index i, const std::vector<double>& theta) const {
  double sum = 0;
  for (std::size_t j = 0; j < theta.size(); ++j)
    sum += errors_[at(i * width_) + j] * std::ldexp(std::abs(theta[j]), -exponents_[j]);
  return sum;
}

void Elimination::divide(Wide& x, std::vector<double>& terms) const {
  double lost = 0;
  terms.resize(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) {
    x[j] = x[j].scaled(exponents_[j]);
    terms[j] = std::abs(x[j].hi);
  }
  for (Index k = 0; k < rank(); ++k) {
    const DoubleDouble* const upper = upper_.data() + k * width_;
    const std::size_t column = at(columns_[at(k)]);
    const DoubleDouble own = x[column] / upper[column];
    for (std::size_t j = 0; j < x.size(); ++j) subtract(x[j], terms[j], lost, own, upper[j]);
    x[column] = own;
  }
}

std::optional<std::vector<double>> Elimination::combination(Wide x) const {
  std::vector<double> out, terms;
  divide(x, terms);
  for (const Index j : columns_) {
    out.push_back(x[at(j)].hi);
    x[at(j)] = 0;
  }
  if (std::any_of(x.begin(), x.end(), [](const DoubleDouble& value) { return value.hi != 0; })) return {};
  return out;
}

}  // namespace pyrometer::minimum
