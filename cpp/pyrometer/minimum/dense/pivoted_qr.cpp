#include "pyrometer/minimum/dense/pivoted_qr.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {
namespace {

// The norm of a column, without overflow or underflow of squares.
double norm(const double* x, Index size) {
  double largest = 0;
  for (Index i = 0; i < size; ++i) largest = std::max(largest, std::abs(x[i]));
  if (largest == 0) return 0;
  double sum = 0;
  for (Index i = 0; i < size; ++i) sum += (x[i] / largest) * (x[i] / largest);
  return largest * std::sqrt(sum);
}

}  // namespace

Pivoted::Pivoted(const Shape& shape, Columns rows, const double* mean) {
  const Index n = shape.columns();
  const double m = static_cast<double>(shape.rows);
  if (shape.l2 > 0) {
    work_ = Columns(rows.rows + n, n + 1);
    for (Index j = 0; j <= n; ++j) std::copy_n(rows.column(j), rows.rows, work_.column(j));
    for (Index j = 0; j < n; ++j) work_.column(j)[rows.rows + j] = std::sqrt(m * shape.l2);
  } else {
    work_ = std::move(rows);
  }
  scale(n, mean, shape.centred ? std::sqrt(m) : 0);
  if (shape.l2 == 0 && clear(n)) return;
  constexpr double kTie = 1 - 1e-3;
  std::vector<double> lengths(at(n));  // squared norms of the remainders
  for (Index k = 0; k < std::min(n, work_.rows); ++k) {
    Index pivot = k;
    double most = -1;
    for (Index j = k; j < n; ++j) {
      at(lengths, j) = dot(work_.column(j), work_.column(j), k, work_.rows);
      if (at(lengths, j) > most) most = at(lengths, j), pivot = j;
    }
    // Among multiples of one column the longest, so that coefficients of the others are small.
    for (Index j = k; j < n; ++j)
      if (at(lengths, j) >= kTie * most && length(j) > length(pivot)) pivot = j;
    most = at(lengths, pivot);
    if (pivot != k) {
      std::swap_ranges(work_.column(k), work_.column(k) + work_.rows, work_.column(pivot));
      std::swap(order_[at(k)], order_[at(pivot)]);
    }
    const double remaining = std::sqrt(most);
    if (remaining <= (remaining < 1e-6 ? rounding(k) : noise())) break;
    eliminate(k);
    rank_ = k + 1;
  }
  condition_ = estimated();
}

Pivoted::Pivoted(const Shape& shape, Columns triangle) : work_(std::move(triangle)) {
  scale(shape.columns(), nullptr, 0);
  clear(shape.columns());
}

// Scales columns to norm 1 in the data: of the triangle and `share` times the mean.
void Pivoted::scale(Index columns, const double* mean, double share) {
  for (Index j = 0; j < columns; ++j) {
    double* column = work_.column(j);
    length_.push_back(std::hypot(norm(column, work_.rows), share > 0 ? share * mean[j] : 0));
    order_.push_back(j);
    if (length_.back() > 0)
      for (Index i = 0; i < work_.rows; ++i) column[i] /= length_.back();
  }
}

// Whether no column of the given triangle is close to the span of the others: then no order of pivots has a dependent
// one, and the triangle is kept.
bool Pivoted::clear(Index columns) {
  constexpr double kNear = 1e-6, kPoor = 1e8;
  if (work_.rows < columns) return false;
  for (Index k = 0; k < columns; ++k) {
    const double* column = work_.column(k);
    const bool below = std::any_of(column + k + 1, column + work_.rows, [](double x) { return x != 0; });
    if (below || !(std::abs(column[k]) > kNear)) return false;
  }
  rank_ = columns;
  condition_ = estimated();
  if (condition_ < kPoor) return true;
  rank_ = 0;
  return false;
}

// The Householder reflection that eliminates column k below row k.
void Pivoted::eliminate(Index k) {
  double* own = work_.column(k);
  const Index rows = work_.rows;
  const double length = -std::copysign(std::sqrt(dot(own, own, k, rows)), own[k]);
  const double first = own[k] - length;
  own[k] = first;
  const double share = -1 / (length * first);  // 2 / (v . v)
  for (Index j = k + 1; j < work_.cols; ++j)
    subtract(work_.column(j), share * dot(own, work_.column(j), k, rows), own, k, rows);
  own[k] = length;
}

void Pivoted::forward(double* x) const {
  for (Index k = 0; k < rank_; ++k) x[k] = (x[k] - dot(work_.column(k), x, 0, k)) / work_.column(k)[k];
}

void Pivoted::backward(double* x) const {
  for (Index k = rank_ - 1; k >= 0; --k) {
    x[k] /= work_.column(k)[k];
    subtract(x, x[k], work_.column(k), 0, k);
  }
}

double Pivoted::remainder(Index k, double x, const double* z) const { return x - dot(work_.column(k), z, 0, rank_); }

double Pivoted::noise() const {
  return std::numeric_limits<double>::epsilon() * (4 + std::sqrt(static_cast<double>(columns())));
}

double Pivoted::rounding(Index k) const {
  std::vector<double> of(at(rank_));
  dependence(k, of.data());
  double made = 1;
  for (const double share : of) made += std::abs(share);
  return noise() * made;
}

double Pivoted::remainder_error(Index k) const {
  const double* column = work_.column(k);
  return rounding(k) + std::sqrt(dot(column, column, rank_, work_.rows));
}

std::vector<double> Pivoted::solution() const {
  const double* target = work_.column(work_.cols - 1);
  std::vector<double> x(target, target + rank_);
  backward(x.data());
  return x;
}

void Pivoted::dependence(Index k, double* out) const {
  std::copy_n(work_.column(k), rank_, out);
  backward(out);
}

namespace {

constexpr Index kTogether = 8;
using Few = std::array<double, kTogether>;

// Columns [begin, end) of R^-1, element by element of all of them.
void invert(const Columns& r, Index begin, Index end, Few* x) {
  std::fill_n(x, end, Few{});
  for (Index k = begin; k < end; ++k) x[k][at(k - begin)] = 1;
  for (Index i = end - 1; i >= 0; --i) {
    const double* column = r.column(i);
    for (double& value : x[i]) value /= column[i];
    const Few own = x[i];
    for (Index j = 0; j < i; ++j)
      for (std::size_t lane = 0; lane < kTogether; ++lane) x[j][lane] -= own[lane] * column[j];
  }
}

}  // namespace

void Pivoted::inverse_diagonal(double* out, int threads) const {
  constexpr Index kMany = 256, kWave = 16;  // groups of columns in memory, whose squares are added in order
  std::fill_n(out, rank_, 0.0);
  const base::Chunks groups{rank_, kTogether};
  std::vector<std::vector<Few>> columns(at(std::min(groups.number(), kWave)), std::vector<Few>(at(rank_)));
  for (Index wave = 0; wave < groups.number(); wave += kWave) {
    const Index size = std::min(kWave, groups.number() - wave);
    base::for_each_chunk(size, rank_ < kMany ? 1 : threads, [&](Index k, int) {
      invert(work_, groups.begin(wave + k), groups.end(wave + k), columns[at(k)].data());
    });
    for (Index k = 0; k < size; ++k)
      for (Index i = 0; i < groups.end(wave + k); ++i)
        for (const double x : columns[at(k)][at(i)]) out[i] += square(x);
  }
}

double Pivoted::estimated() const {
  const auto size = at(rank_);
  std::vector<double> scale(size), large(size, 1.0), small(size), product(size);
  for (std::size_t k = 0; k < size; ++k) {
    const double* column = work_.column(static_cast<Index>(k));
    scale[k] = std::sqrt(dot(column, column, 0, static_cast<Index>(k) + 1));
    small[k] = k % 2 ? -1 : 1;
  }
  double most = 1, least = 1;
  for (int step = 0; step < 8 && rank_ > 0; ++step) {
    const double up = 1 / std::sqrt(dot(large.data(), large.data(), 0, rank_));
    std::fill(product.begin(), product.end(), 0.0);
    for (std::size_t k = 0; k < size; ++k)
      subtract(product.data(), -up * large[k] / scale[k], work_.column(static_cast<Index>(k)), 0,
               static_cast<Index>(k) + 1);
    most = std::max(most, dot(product.data(), product.data(), 0, rank_));
    for (std::size_t k = 0; k < size; ++k)
      large[k] = dot(work_.column(static_cast<Index>(k)), product.data(), 0, static_cast<Index>(k) + 1) / scale[k];

    const double down = 1 / std::sqrt(dot(small.data(), small.data(), 0, rank_));
    for (std::size_t k = 0; k < size; ++k) small[k] *= down * scale[k];
    forward(small.data());
    least = std::max(least, dot(small.data(), small.data(), 0, rank_));
    backward(small.data());
    for (std::size_t k = 0; k < size; ++k) small[k] *= scale[k];
  }
  return std::sqrt(most * least);
}

}  // namespace pyrometer::minimum
