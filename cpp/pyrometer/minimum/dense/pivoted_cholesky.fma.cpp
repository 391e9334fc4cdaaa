#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {
namespace {

constexpr Index kPanel = 16;
constexpr double kClearPivot = 1e-6;  // with all pivots above this no order of the columns has a dependent one

// Subtracts the products of eight rows of the panel from rows i and, with `pair`, i + 1 of the triangle, in columns
// `from` and later: two rows at a time, which halves the reads of the panel.
void subtract_eight(double* __restrict to, double* __restrict next, const double* __restrict panel, Index stride,
                    Index size, Index i, Index from, bool pair) {
  double a[8], b[8];
  for (Index t = 0; t < 8; ++t) {
    a[t] = panel[t * stride + i];
    b[t] = pair ? panel[t * stride + i + 1] : 0;
  }
  const double *u0 = panel, *u1 = u0 + stride, *u2 = u1 + stride, *u3 = u2 + stride;
  const double *u4 = u3 + stride, *u5 = u4 + stride, *u6 = u5 + stride, *u7 = u6 + stride;
  for (Index k = from; k < size; ++k) {
    to[k] -= ((a[0] * u0[k] + a[1] * u1[k]) + (a[2] * u2[k] + a[3] * u3[k])) +
             ((a[4] * u4[k] + a[5] * u5[k]) + (a[6] * u6[k] + a[7] * u7[k]));
    next[k] -= ((b[0] * u0[k] + b[1] * u1[k]) + (b[2] * u2[k] + b[3] * u3[k])) +
               ((b[4] * u4[k] + b[5] * u5[k]) + (b[6] * u6[k] + b[7] * u7[k]));
  }
}

}  // namespace

double moment_noise(Index columns) {
  return std::numeric_limits<double>::epsilon() * (8 + std::sqrt(static_cast<double>(columns)));
}

void Factor::prepare(Index size) {
  size_ = stride_ = size;
  const auto n = at(size);
  upper_.resize(n * n);
  scale_.resize(n);
  used_.resize(n);
  inverse_.resize(n);
  order_.resize(n);
}

void Factor::swap_columns(Index j, Index pivot) {
  const auto entry = [this](Index i, Index k) -> double& { return row(i)[k]; };
  std::swap(entry(pivot, pivot), entry(j, j));
  for (Index i = 0; i < j; ++i) std::swap(entry(i, j), entry(i, pivot));
  std::swap_ranges(row(j) + pivot + 1, row(j) + size_, row(pivot) + pivot + 1);
  for (Index i = j + 1; i < pivot; ++i) std::swap(entry(j, i), entry(i, pivot));
  std::swap(used_[at(j)], used_[at(pivot)]);
  std::swap(order_[at(j)], order_[at(pivot)]);
}

// The largest remaining diagonal element of columns `from` to `last`, and its column. Among ties, as between multiples
// of one column, that of the largest scale, so that coefficients of the others are small.
double Factor::largest_pivot(Index from, Index last, Index& pivot) const {
  constexpr double kTie = 1 - 1e-3;
  const auto remainder = [this](Index i) { return row(i)[i] - used_[at(i)]; };
  double largest = 0;
  for (Index i = from; i < last; ++i)
    if (remainder(i) > largest) largest = remainder(i), pivot = i;
  const double enough = kTie * largest;
  for (Index i = from; i < last && largest > 0; ++i)
    if (remainder(i) >= enough && scale_at(i) > scale_at(pivot)) pivot = i;
  return largest > 0 ? remainder(pivot) : 0;
}

// Whether the pivot of column k may be due to errors of the elements, given the first rank_ rows.
bool Factor::dependent(Index k, double pivot, double element) {
  if (pivot > kClearPivot) return false;
  work_.resize(at(rank_));
  dependence(k, work_.data());
  return !(pivot > element * (1 + dot(work_.data(), work_.data(), 0, rank_)));
}

void Factor::run(double noise, double element) {
  for (Index i = 0; i < size_; ++i) {
    order_[at(i)] = i;
    row(i)[i] = scale(i) > 0 ? 1 : 0;
  }
  Index last = size_;  // columns from here on depend on those before
  for (Index begin = 0; begin < size_; begin += kPanel) {
    const Index end = std::min(begin + kPanel, size_);
    std::fill(used_.begin() + begin, used_.end(), 0.0);
    for (Index j = begin; j < end; ++j) {
      rank_ = j;
      Index pivot = j;
      double largest;
      for (;; swap_columns(pivot, --last)) {
        largest = largest_pivot(j, last, pivot);
        // dependence() uses the panel's rows in dependent columns; they are complete, since every row is finished
        // before the next pivot is chosen.
        if (!(largest > noise)) return;
        if (element == 0 || !dependent(pivot, largest, element)) break;
      }
      if (pivot != j) swap_columns(j, pivot);
      double* own = row(j);
      own[j] = std::sqrt(largest);
      for (Index q = begin; q < j; ++q) subtract(own, row(q)[j], row(q), j + 1, size_);
      const double inverse = 1 / own[j];
      inverse_[at(j)] = inverse;
      for (Index i = j + 1; i < size_; ++i) {
        own[i] *= inverse;
        used_[at(i)] += own[i] * own[i];
      }
    }
    // A full panel, or the last row. An odd last row is paired with scratch memory.
    for (Index i = end; i < size_; i += 2) {
      const bool pair = i + 1 < size_;
      for (Index q = begin; q < end; q += 8)
        subtract_eight(row(i), pair ? row(i + 1) : used_.data(), row(q), stride_, size_, i, i, pair);
    }
  }
  rank_ = size_;
}

std::vector<Index> Factor::renumber() {
  std::vector<Index> before = order_;
  std::vector<double> scales(scale_.size());
  for (Index k = 0; k < size_; ++k) scales[at(k)] = scale_at(k);
  scale_ = std::move(scales);
  std::iota(order_.begin(), order_.end(), Index{0});
  return before;
}

void Factor::keep(Index kept, Index size) {
  const auto n = at(size);
  if (size > stride_) {
    const Index stride = size + size / 2;
    std::vector<double> wider(at(stride * stride));
    for (Index i = 0; i < kept; ++i) std::copy(row(i) + i, row(i) + kept, wider.data() + i * stride + i);
    upper_ = std::move(wider);
    stride_ = stride;
  }
  size_ = size;
  rank_ = kept;
  scale_.resize(n);
  used_.resize(n);
  inverse_.resize(n);
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), Index{0});
}

bool Factor::append(int threads) {
  constexpr Index kMany = 64;
  const Index kept = rank_;
  for (Index i = kept; i < size_; ++i) row(i)[i] = scale(i) > 0 ? 1 : 0;
  if (size_ >= kMany && size_ - kept >= 8) {
    if (!factor_blocked(upper_.data(), stride_, kept, size_, threads)) return false;
    for (Index i = kept; i < size_; ++i) {
      if (!(square(row(i)[i]) > kClearPivot)) return false;
      inverse_[at(i)] = 1 / row(i)[i];
    }
  } else if (!append_rows(kept)) {
    return false;
  }
  rank_ = size_;
  return true;
}

// The same, row by row.
bool Factor::append_rows(Index kept) {
  for (Index begin = 0; begin < size_; begin += 8) {
    const Index end = std::min(begin + 8, size_);
    for (Index i = begin; i < end; ++i) {
      double* own = row(i);
      Index from = std::max(i, kept);
      for (Index q = begin; q < i; ++q) subtract(own, row(q)[i], row(q), from, size_);
      if (i >= kept) {
        if (!(own[i] > kClearPivot)) return false;
        own[i] = std::sqrt(own[i]);
        inverse_[at(i)] = 1 / own[i];
        ++from;
      }
      for (Index k = from; k < size_; ++k) own[k] *= inverse(i);
    }
    for (Index i = end; i < size_; i += 2) {
      const bool pair = i + 1 < size_;
      double* next = pair ? row(i + 1) : used_.data();
      subtract_eight(row(i), next, row(begin), stride_, size_, i, std::max(i, kept), pair);
    }
  }
  return true;
}

// The columns after it have one element below the diagonal each.
void Factor::remove(Index k) {
  for (Index i = 0; i < k; ++i) std::copy(row(i) + k + 1, row(i) + size_, row(i) + k);
  work_.assign(row(k), row(k) + size_);
  double* __restrict const below = work_.data();
  for (Index i = k; i + 1 < size_; ++i) {
    const double* __restrict next = row(i + 1);
    const double length = std::hypot(below[i + 1], next[i + 1]), c = below[i + 1] / length, s = next[i + 1] / length;
    double* __restrict own = row(i);
    own[i] = length;
    inverse_[at(i)] = 1 / length;
    for (Index j = i + 2; j < size_; ++j) {
      own[j - 1] = c * below[j] + s * next[j];
      below[j] = c * next[j] - s * below[j];
    }
  }
  scale_.erase(scale_.begin() + k);
  order_.pop_back();
  rank_ = --size_;
}

bool Factor::needs_pivoting() const {
  for (Index i = 0; i < rank_; ++i)
    if (!(square(row(i)[i]) > kClearPivot)) return true;
  return false;
}

void Factor::forward(double* x) const {
  for (Index k = 0; k < rank_; ++k) {
    x[k] *= inverse(k);
    subtract(x, x[k], row(k), k + 1, size_);
  }
}

void Factor::backward(double* x) const {
  for (Index k = rank_ - 1; k >= 0; --k) x[k] = (x[k] - dot(row(k), x, k + 1, rank_)) * inverse(k);
}

void Factor::whiten(const double* x, double* out) const {
  for (Index k = 0; k < size_; ++k) out[k] = scale_at(k) > 0 ? x[column(k)] / scale_at(k) : 0;
}

void Factor::dependence(Index k, double* out) const {
  for (Index i = 0; i < rank_; ++i) out[i] = row(i)[k];
  backward(out);
}

void Factor::inverse_diagonal(double smallest, double* out) const {
  constexpr Index kExact = 64;
  if (rank_ > kExact) {
    std::fill_n(out, rank_, 4 / smallest);
    return;
  }
  work_.assign(at(rank_ * rank_), 0.0);  // the rows of U^-1, from the last
  for (Index i = rank_ - 1; i >= 0; --i) {
    double* own = work_.data() + i * rank_;
    for (Index k = i + 1; k < rank_; ++k) subtract(own, row(i)[k], work_.data() + k * rank_, k, rank_);
    for (Index k = i + 1; k < rank_; ++k) own[k] *= inverse(i);
    own[i] = inverse(i);
    out[i] = dot(own, own, i, rank_);
  }
}

double Factor::smallest_eigenvalue() const {
  if (rank_ == 0) return 1;
  work_.assign(at(rank_), 0.0);
  double* x = work_.data();
  // The first solve chooses signs that maximise growth (Cline, Moler, Stewart, Wilkinson 1979), the second is a step of
  // inverse iteration.
  for (Index k = 0; k < rank_; ++k) {
    x[k] = (x[k] + std::copysign(1.0, x[k])) * inverse(k);
    subtract(x, x[k], row(k), k + 1, rank_);
  }
  double most = 0;
  for (int step = 0; step < 2; ++step) {
    if (step)
      for (Index k = 0; k < rank_; ++k) {
        x[k] *= inverse(k);
        subtract(x, x[k], row(k), k + 1, rank_);
      }
    const double before = dot(x, x, 0, rank_);
    backward(x);
    const double grown = dot(x, x, 0, rank_), length = 1 / std::sqrt(grown);
    most = std::max(most, grown / before);
    for (Index k = 0; k < rank_; ++k) x[k] *= length;
  }
  return 1 / most;
}

double Factor::largest_eigenvalue() const {
  if (rank_ == 0) return 1;
  work_.assign(at(2 * rank_), 1.0);
  double *x = work_.data(), *next = x + rank_, largest = 1;
  for (int step = 0; step < 3; ++step) {
    const double xx = dot(x, x, 0, rank_);
    if (!(xx > 0)) break;
    double yy = 0;
    std::fill_n(next, rank_, 0.0);
    for (Index k = 0; k < rank_; ++k) {  // U x and U'U x in one pass over U
      const double y = dot(row(k), x, k, rank_);
      yy += y * y;
      subtract(next, -y, row(k), k, rank_);
    }
    largest = std::max(largest, yy / xx);
    std::swap(x, next);
  }
  return largest;
}

double Factor::condition(double smallest, bool carrier) const {
  const Index dependent = size_ - rank_;
  if (carrier && dependent > 1) return std::numeric_limits<double>::infinity();
  return std::copysign(std::sqrt(largest_eigenvalue() / smallest), carrier || dependent == 0 ? 1.0 : -1.0);
}

}  // namespace pyrometer::minimum
