#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "pyrometer/data/products.hpp"
#include "pyrometer/minimum/softmax/descent.hpp"

namespace pyrometer::minimum {
namespace {

// Up to this many parameters norms of centred ones are exact, which takes a solve for each.
constexpr Index kExactNorms = 256;

}  // namespace
bool SoftmaxMetric::factor() {
  factor_.run(kAdditions * kUnit);
  const bool full = factor_.rank() == factor_.size();
  eigenvalue_ = full ? factor_.smallest_eigenvalue() : 0;
  return full;
}

bool SoftmaxMetric::of_products(const SoftmaxEvaluation& evaluation, Index columns, Index classes,
                                const std::vector<Index>& free, double factor, double lift) {
  blocks_ = 0;
  free_ = free;
  if (free.empty()) {
    free_.resize(at(columns * (classes - 1)));
    std::iota(free_.begin(), free_.end(), Index{0});
  }
  const auto element = [&](Index row, Index column) { return hessian_of(evaluation, columns, classes, row, column); };
  const Index size = std::ssize(free_);
  factor_.prepare(size);
  for (Index i = 0; i < size; ++i) {
    const double diagonal = factor * element(free_[at(i)], free_[at(i)]);
    factor_.scale(i) = diagonal > 0 ? std::sqrt(diagonal * (1 + lift)) : lift > 0 ? 1 : 0;
  }
  for (Index i = 0; i < size; ++i) {
    double* to = factor_.row(i);
    for (Index j = i; j < size; ++j)
      to[j] = factor * element(free_[at(i)], free_[at(j)]) / factor_.scale(i) / factor_.scale(j);
  }
  return this->factor();
}

bool SoftmaxMetric::of_least_gram(const SoftmaxEvaluation& evaluation, Index columns, Index classes,
                                  std::vector<double> shares) {
  const Index ld = data::padded(columns);
  const double factor = shares.empty() ? 1.0 : static_cast<double>(classes);
  blocks_ = classes - 1;
  shares_ = shares.empty() ? std::vector<double>(at(classes), 1.0) : std::move(shares);
  factor_.prepare(columns);
  for (Index i = 0; i < columns; ++i) factor_.scale(i) = std::sqrt(factor * evaluation.least_gram[at(i * ld + i)]);
  for (Index i = 0; i < columns; ++i)
    for (Index j = i; j < columns; ++j)
      if (factor_.scale(i) > 0 && factor_.scale(j) > 0)
        factor_.row(i)[j] = factor * evaluation.least_gram[at(i * ld + j)] / factor_.scale(i) / factor_.scale(j);
  return this->factor();
}

double SoftmaxMetric::solve(const std::vector<double>& gradient, std::vector<double>& step) {
  const Index size = factor_.size();
  std::vector<double> part(at(size));
  work_.resize(at(size));
  step.assign(gradient.size(), 0.0);
  double square = 0;
  if (blocks_ == 0) {
    for (Index i = 0; i < size; ++i) part[at(i)] = gradient[at(free_[at(i)])];
    factor_.whiten(part.data(), work_.data());
    factor_.forward(work_.data());
    for (const double z : work_) square += z * z;
    factor_.backward(work_.data());
    for (Index i = 0; i < size; ++i) step[at(free_[at(factor_.column(i))])] = -work_[at(i)] / factor_.scale_at(i);
    return std::sqrt(square);
  }
  // The inverse of diag f - f f' on the first C - 1 classes is diag 1/f + 11'/f_C, and that of I - 11'/C is I + 11'.
  // The norm is the sum of those of all C classes, of which the last has the sum of the others for its gradient.
  std::vector<double> sum(at(size), 0.0), last(at(size));
  const auto solve_part = [&](Index c, std::vector<double>& out) {
    factor_.whiten(part.data(), work_.data());
    factor_.forward(work_.data());
    for (const double z : work_) square += z * z / shares_[at(c)];
    factor_.backward(work_.data());
    for (Index i = 0; i < size; ++i) out[at(factor_.column(i))] = work_[at(i)] / factor_.scale_at(i) / shares_[at(c)];
  };
  for (Index c = 0; c < blocks_; ++c)
    for (Index j = 0; j < size; ++j) sum[at(j)] += gradient[at(c * size + j)];
  part = sum;
  solve_part(blocks_, last);
  std::vector<double> own(at(size));
  for (Index c = 0; c < blocks_; ++c) {
    std::copy_n(gradient.begin() + c * size, size, part.begin());
    solve_part(c, own);
    for (Index j = 0; j < size; ++j) step[at(c * size + j)] = -own[at(j)] - last[at(j)];
  }
  return std::sqrt(square);
}

Index SoftmaxMetric::rank(double least) const {
  Index out = rank();
  while (out > 0 && !(factor_.row(out - 1)[out - 1] > std::sqrt(least))) --out;
  return out;
}

std::vector<Index> SoftmaxMetric::pivots(Index count) const {
  std::vector<Index> out;
  for (Index k = 0; k < count; ++k) out.push_back(free_[at(factor_.column(k))]);
  std::sort(out.begin(), out.end());
  return out;
}

double SoftmaxMetric::most(const std::vector<double>& bound) const {
  const Index size = factor_.size();
  double square = 0;
  std::vector<double> sum(at(size), 0.0);
  for (Index c = 0; c < std::max<Index>(blocks_, 1); ++c)
    for (Index j = 0; j < size; ++j) {
      const double b = bound[at(blocks_ ? c * size + j : free_[at(j)])] / factor_.scale(j);
      square += b * b;
      sum[at(j)] += b;
    }
  for (Index j = 0; blocks_ && j < size; ++j) square += sum[at(j)] * sum[at(j)];
  return std::sqrt(4 * square / eigenvalue_);
}

double SoftmaxMetric::centred(Index c, Index classes, const std::vector<double>& x) {
  const Index size = factor_.size(), n = std::ssize(x);
  const auto own = [c](Index b, double share) { return (b == c ? 1 : 0) - share; };
  const double share = 1 / static_cast<double>(classes);
  std::vector<double> part(at(size));
  for (Index i = 0; i < size; ++i) {
    const Index j = blocks_ ? i : free_[at(i)];
    part[at(i)] = blocks_ ? x[at(j)] : own(j / n, share) * x[at(j % n)];
  }
  if (blocks_ == 0 && size > kExactNorms) return most(part);
  work_.resize(at(size));
  factor_.whiten(part.data(), work_.data());
  factor_.forward(work_.data());
  double square = 0;
  for (const double z : work_) square += z * z;
  return std::sqrt(square * (blocks_ ? 1 - share : 1.0));
}

double SoftmaxMetric::length(const std::vector<double>& x) const {
  const Index size = factor_.size();
  double sum = 0;
  for (Index c = 0; c < std::max<Index>(blocks_, 1); ++c)
    for (Index j = 0; j < size; ++j) sum += std::abs(x[at(blocks_ ? c * size + j : free_[at(j)])]) * factor_.scale(j);
  return sum;
}

}  // namespace pyrometer::minimum
