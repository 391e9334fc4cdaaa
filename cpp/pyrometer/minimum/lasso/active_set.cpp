#include "pyrometer/minimum/lasso/active_set.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {

ActiveSet::ActiveSet(Columns triangle, Index columns) : design_(std::move(triangle)), columns_(columns) {
  for (Index j = 0; j < columns_; ++j) {
    double* const column = design_.column(j);
    const double length = std::sqrt(dot(column, column, 0, design_.rows));
    length_.push_back(length);
    if (length > 0)
      for (Index i = 0; i < design_.rows; ++i) column[i] /= length;
  }
}

void ActiveSet::minimise(const Numbers& z, const Numbers& gradient, const Numbers& weight) {
  z_ = z, start_gradient_ = gradient, weight_ = weight;
  d_.assign(z.size(), 0.0);
  sign_.clear();
  for (const double value : z) sign_.push_back(sign(value));
  vain_.assign(z.size(), 0);
  refresh();
  const Index limit = 100 + 20 * columns_;
  for (Index round = 0; round < limit; ++round) {
    base::throw_if_interrupted();
    if (descend() && !enter()) return;
  }
}

void ActiveSet::refresh() {
  image_.assign(at(design_.rows), 0.0);
  for (Index j = 0; j < columns_; ++j)
    if (at(d_, j) != 0) subtract(image_.data(), -at(d_, j), design_.column(j), 0, design_.rows);
  size_ = std::sqrt(moved());
  gradient_ = start_gradient_;
  for (Index j = 0; j < columns_; ++j) at(gradient_, j) -= dot(design_.column(j), image_.data(), 0, design_.rows);
}

// Takes the step for the current signs, or the part of it up to the first coordinate that reaches 0 and leaves. Returns
// whether the minimum for these signs is reached.
bool ActiveSet::descend() {
  std::vector<Index> active;
  for (Index j = 0; j < columns_; ++j)
    if (at(sign_, j) != 0) active.push_back(j);
  if (active.empty()) return true;
  const Index dependent = qr_.factor(design_, active);
  if (dependent < 0) return advance(qr_.columns(), newton_direction(), 1);
  std::vector<Index> columns = qr_.columns();
  columns.push_back(dependent);
  return advance(columns, null_vector(columns), std::numeric_limits<double>::infinity());
}

Numbers ActiveSet::newton_direction() const {
  Numbers direction;
  for (const Index j : qr_.columns()) direction.push_back(gradient(j) - at(weight_, j) * at(sign_, j));
  qr_.solve(direction);
  return direction;
}

// Downhill. Along it only the penalty changes, at a constant rate until a sign changes. Where that is rounding, the
// last coordinate decreases.
Numbers ActiveSet::null_vector(const std::vector<Index>& columns) const {
  Numbers direction = qr_.dependence();
  for (double& value : direction) value = -value;
  direction.push_back(1);
  double rate = 0, terms = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    rate += at(weight_, columns[k]) * at(sign_, columns[k]) * direction[k];
    terms += at(weight_, columns[k]) * std::abs(direction[k]);
  }
  if (!(std::abs(rate) > 64 * kEpsilon * terms)) rate = at(sign_, columns.back());
  for (double& value : direction) value *= -sign(rate);
  return direction;
}

bool ActiveSet::advance(const std::vector<Index>& active, const Numbers& direction, double step) {
  Index leaves = -1;
  for (std::size_t k = 0; k < active.size(); ++k) {
    const Index j = active[k];
    if (direction[k] * at(sign_, j) >= 0) continue;
    const double where = -(at(z_, j) + at(d_, j)) / direction[k];
    if (where < step) step = where, leaves = j;
  }
  if (!std::isfinite(step)) return true;
  if (leaves >= 0 && at(z_, leaves) + at(d_, leaves) == 0) {  // it has entered by rounding
    at(sign_, leaves) = 0;
    vain_[at(leaves)] = 1;
    return true;
  }
  for (std::size_t k = 0; k < active.size(); ++k) at(d_, active[k]) += step * direction[k];
  if (leaves >= 0) {
    at(d_, leaves) = -at(z_, leaves), at(sign_, leaves) = 0;
    vain_.assign(vain_.size(), 0);
  }
  refresh();
  if (leaves >= 0) return false;
  // Iterative refinement: the step is repeated until it changes nothing but rounding.
  const double change = std::sqrt(dot(direction.data(), direction.data(), 0, std::ssize(direction)));
  const double norm = std::sqrt(dot(d_.data(), d_.data(), 0, columns_));
  const bool settled = change <= 1e-10 * norm || ++repeats_ > 3;
  if (settled) repeats_ = 0;
  return settled;
}

// Adds the coordinate whose gradient exceeds its weight the most. Returns whether there was one.
bool ActiveSet::enter() {
  Index best = -1;
  double most = 0;
  for (Index j = 0; j < columns_; ++j) {
    if (at(sign_, j) != 0 || length(j) == 0 || vain_[at(j)] != 0) continue;
    const double excess = std::abs(gradient(j)) - at(weight_, j) - rounding_bound(j);
    if (excess > most) most = excess, best = j;
  }
  if (best >= 0) at(sign_, best) = sign(gradient(best));
  return best >= 0;
}

// Of a gradient.
double ActiveSet::rounding_bound(Index j) const {
  return 4 * kEpsilon *
         (std::abs(at(start_gradient_, j)) + at(weight_, j) + std::sqrt(static_cast<double>(columns_)) * size_);
}

std::vector<Index> ActiveSet::equicorrelated(const Numbers& off, double residuals) const {
  std::vector<Index> columns;
  for (Index j = 0; j < columns_; ++j)
    if (at(sign_, j) != 0 ||
        (length(j) > 0 && std::abs(gradient(j)) >= at(weight_, j) - rounding_bound(j) - at(off, j) - residuals))
      columns.push_back(j);
  return columns;
}

Pivoted ActiveSet::factor(const std::vector<Index>& columns) const {
  Columns part(design_.rows, static_cast<Index>(columns.size()) + 1);  // without a target
  for (std::size_t i = 0; i < columns.size(); ++i)
    std::copy_n(design_.column(columns[i]), design_.rows, part.column(static_cast<Index>(i)));
  return {{design_.rows, static_cast<Index>(columns.size()), false, false, 0}, std::move(part), nullptr};
}

Numbers ActiveSet::roots(const Pivoted& f) {
  Numbers root(at(f.columns()));
  f.inverse_diagonal(root.data());
  for (Index k = 0; k < f.rank(); ++k) at(root, k) = std::sqrt(at(root, k)) / f.length(k);
  return root;
}

double ActiveSet::hidden(const std::vector<Index>& columns, const Pivoted& f, const Numbers& root, const Numbers& off,
                         double residuals, double gap, double energy) const {
  if (columns.empty()) residuals = 0;  // their part in the span of the columns
  double sum = residuals * (residuals + 2 * std::sqrt(gap)), most = 0;
  for (Index j = 0; j < columns_; ++j) sum += 2 * (rounding_bound(j) + at(off, j)) * std::abs(at(d_, j));
  if (f.rank() == f.columns()) {
    for (Index k = 0; k < f.columns(); ++k) {
      const Index j = columns[at(f.column(k))];
      most += at(root, k) * (rounding_bound(j) + at(off, j));
    }
    if (std::isfinite(most)) return sum + most * (most + 2 * (std::sqrt(gap) + residuals));
    most = 0;
  }
  for (const Index j : columns) most = std::max(most, (rounding_bound(j) + at(off, j)) / at(weight_, j));
  sum += square(std::min(most, 1.0)) * energy;
  for (const Index j : columns)
    sum += 2 * std::abs(at(z_, j) + at(d_, j)) * (rounding_bound(j) + at(off, j) + most * at(weight_, j));
  return sum;
}

bool ActiveSet::bound(const std::vector<Index>& columns, const Pivoted& f, const Numbers& root, const Numbers& off,
                      double residuals, double* out) const {
  constexpr double kPoor = 1e12;
  if (f.rank() < f.columns() || !(f.condition() < kPoor)) return false;
  const auto own = [&](Index k) { return columns[at(f.column(k))]; };
  double most = residuals;  // |W_j . (the change of the residuals)| is no more than this
  for (Index k = 0; k < f.columns(); ++k)
    most += at(root, k) * (std::abs(gradient(own(k)) - at(weight_, own(k)) * at(sign_, own(k))) +
                           rounding_bound(own(k)) + at(off, own(k)));
  std::vector<char> active(at(columns_), 0);
  for (Index j = 0; j < columns_; ++j) out[j] = std::abs(at(z_, j));
  for (Index k = 0; k < f.columns(); ++k) {
    const Index j = own(k);
    active[at(j)] = 1;
    out[j] = at(root, k) * most + std::abs(at(d_, j));
    if (!(at(sign_, j) * (at(z_, j) + at(d_, j)) > at(root, k) * most)) return false;
  }
  for (Index j = 0; j < columns_; ++j)
    if (active[at(j)] == 0 && length(j) > 0 &&
        !(std::abs(gradient(j)) + rounding_bound(j) + at(off, j) + residuals + most < at(weight_, j)))
      return false;
  return true;
}

}  // namespace pyrometer::minimum
