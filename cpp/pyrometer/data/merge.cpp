#include "pyrometer/data/merge.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/double_double.hpp"
#include "pyrometer/base/require.hpp"

namespace pyrometer::data {
namespace {

using base::DoubleDouble;

// Size of the tiles in which the upper triangle is copied to the lower one.
constexpr Index kSquare = 32;
// Error of the double-double operations for each entry of the result.
constexpr double kMergeUnit = 4 * kDoubleDoubleUnit;
// Relative errors of sums up to this are those of merges.
constexpr double kExact = 0x1p-90;

// high + low = a + a_low + sign (b + b_low) + factor (d + d_low) for each column of a row; check stays 0 unless one of
// them is nan or infinite.
void add_row(Index size, double sign, DoubleDouble factor, const double* a, const double* a_low, const double* b,
             const double* b_low, const double* d, const double* d_low, double* __restrict high, double* __restrict low,
             double* __restrict check) {
  for (Index j = 0; j < size; ++j) {
    const double other = sign * b[j], product = factor.hi * d[j], sum = a[j] + other, all = sum + product;
    const double small = (base::sum_error(a[j], other, sum) + base::sum_error(sum, product, all)) +
                         ((a_low[j] + sign * b_low[j]) +
                          (base::product_error(factor.hi, d[j], product) + (factor.hi * d_low[j] + factor.lo * d[j])));
    const DoubleDouble entry = DoubleDouble::sum(all, small);  // where terms cancel, `small` may be the larger one
    high[j] = entry.hi;
    low[j] = entry.lo;
    check[j] += entry.hi * 0 + entry.lo * 0;
  }
}

struct Merge {
  Merge(const MomentsView& a_, const MomentsView& b_, int sign_, Index columns_, double count, bool exact,
        const MomentsSlots& out_)
      : a(a_), b(b_), out(out_), sign(sign_), columns(columns_), n(count), slip(exact ? 0 : 4 * kUnit) {}

  const MomentsView &a, &b;
  const MomentsSlots& out;
  const double sign;
  const Index columns;
  const double n;
  const double n_a = a.count, n_b = sign * b.count;
  const double slip;  // of quotients of counts
  const DoubleDouble weight = base::fast_quotient(DoubleDouble::product(n_a, n_b), n);
  std::vector<double> delta = std::vector<double>(at(columns)), delta_low = delta, zeros = delta;

  [[nodiscard]] DoubleDouble difference(Index j) const { return {delta[at(j)], delta_low[at(j)]}; }
  // Element (i, j) of half a matrix, i <= j, is at packed(i) + j.
  [[nodiscard]] Index packed(Index i) const { return i * columns - half_of(i); }
  [[nodiscard]] double of(const MomentsView& from, Accuracy what, Index j) const {
    return from.accuracy[what * columns + j];
  }
  /// The terms of a sum of column j.
  [[nodiscard]] double terms(Index j) const {
    return n * std::abs(out.mean[j]) + std::abs(n_b) * (std::abs(a.mean[j]) + std::abs(b.mean[j]));
  }
  [[nodiscard]] double& slot(Accuracy what, Index j) const { return out.accuracy[what * columns + j]; }

  /// Whether sums have no other errors than those of double-double merges, whose effects are in kMergeError.
  [[nodiscard]] bool exact(const MomentsView& from) const {
    bool all = true;
    for (Index j = 0; j < columns; ++j)
      all = all && of(from, kSumError, j) <= kExact * from.count * std::abs(from.mean[j]);
    return all;
  }

  void means();
  void scatters();
  void row(Index i, double* check) const;
  void bounds();
  void settle(bool single);
  void sizes();
  void require_bounds() const;
};

void Merge::means() {
  const DoubleDouble share = base::fast_quotient(n_b, n);
  for (Index j = 0; j < columns; ++j) {
    const DoubleDouble from{a.mean[j], of(a, kMeanLow, j)}, other{b.mean[j], of(b, kMeanLow, j)},
        d = base::fast_sum(other, -from);
    const DoubleDouble mean = base::fast_sum(from, d * share);
    delta[at(j)] = d.hi;
    delta_low[at(j)] = d.lo;
    out.mean[j] = mean.hi;
    slot(kMeanLow, j) = mean.lo;
  }
}

// Columns i and later of row i.
void Merge::row(Index i, double* check) const {
  const auto low = [&](const double* from) { return (from ? from + packed(i) : zeros.data()) + i; };
  const Index ii = i * (columns + 1);
  add_row(columns - i, sign, weight * difference(i), a.scatter + ii, low(a.scatter_low), b.scatter + ii,
          low(b.scatter_low), delta.data() + i, delta_low.data() + i, out.scatter + ii, out.scatter_low + packed(i) + i,
          check + i);
}

constexpr const char* kOverflow =
    "second moments overflow: a and b must have finite squares together, and finite bounds of their errors; rescale "
    "their data";

// Throws on overflow, also of the squares of the means, which raw moments contain.
void Merge::scatters() {
  std::vector<double> check(at(columns));  // stays 0 unless an entry is nan or infinite
  for (Index i = 0; i < columns; ++i) row(i, check.data());
  for (Index j = 0; j < columns; ++j) check[at(j)] += out.mean[j] * out.mean[j] * 0 + slot(kMeanLow, j) * 0;
  require(std::all_of(check.begin(), check.end(), [](double x) { return x == 0; }), kOverflow);
  for (Index top = 0; top < columns; top += kSquare)
    for (Index left = top; left < columns; left += kSquare)
      for (Index i = top; i < std::min(top + kSquare, columns); ++i)
        for (Index j = std::max(left, i + 1); j < std::min(left + kSquare, columns); ++j)
          out.scatter[j * columns + i] = out.scatter[i * columns + j];
}

// Bounds of the errors of a and b, and of this merge. The rounding error of a double-double mean changes sums of
// products with every column by that error times distances of means, which are bounded by the merged squares.
void Merge::bounds() {
  std::vector<double> merged(at(columns));
  double shifted = 0;
  for (Index j = 0; j < columns; ++j) {
    const Index jj = j * (columns + 1);
    const double d = difference(j).hi;
    const double squares = std::abs(a.scatter[jj]) + std::abs(b.scatter[jj]) + std::abs(weight.hi) * d * d;
    merged[at(j)] = squares;
    if (d != 0) shifted = std::max(shifted, terms(j) / std::sqrt(squares));
  }
  const bool exact_a = exact(a), exact_b = exact(b);
  for (Index j = 0; j < columns; ++j) {
    for (const Accuracy what : {kSumError, kRounded, kRoundedError, kMergeError})
      slot(what, j) = of(a, what, j) + of(b, what, j);
    slot(kMergeError, j) += (kMergeUnit * (1 + shifted) + slip) * merged[at(j)];
    slot(kLeast, j) = exact_a ? of(b, kLeast, j) : of(a, kLeast, j);
    slot(kMost, j) = exact_a ? of(b, kMost, j) : of(a, kMost, j);
    if (!exact_b) {
      slot(kLeast, j) = std::min(slot(kLeast, j), of(b, kLeast, j));
      slot(kMost, j) = std::max(slot(kMost, j), of(b, kMost, j));
    }
    if (difference(j).hi == 0) continue;
    slot(kSumError, j) += slip * std::abs(n_b * difference(j).hi) + kMergeUnit * terms(j);
    if (slip == 0) continue;
    const auto [least, most] =
        std::minmax({of(a, kLeast, j), of(b, kLeast, j), of(a, kMost, j), of(b, kMost, j), a.mean[j], b.mean[j]});
    slot(kLeast, j) = least;
    slot(kMost, j) = most;
  }
}

// Sums of squares that are negative by rounding are set to their error bound; for a single row they are zero.
void Merge::settle(bool single) {
  for (Index j = 0; j < columns; ++j) {
    const Index jj = j * (columns + 1);
    const double error = slot(kSumError, j), mean = out.mean[j];
    const double away = std::max(std::abs(slot(kMost, j) - mean), std::abs(mean - slot(kLeast, j)));
    const double allowed = slot(kRoundedError, j) + slot(kMergeError, j) + error * (2 * away + error / n);
    require(out.scatter[jj] >= -8 * allowed, "b is not part of a: without it the squares of column ", j,
            " would add up to ", out.scatter[jj]);
    if (single) {
      for (const Accuracy what : {kRounded, kRoundedError, kMergeError}) slot(what, j) = 0;
      slot(kLeast, j) = slot(kMost, j) = mean;
    } else if (out.scatter[jj] > 0) {
      continue;
    } else if (allowed > 0) {  // off-diagonal entries may be more accurate
      out.scatter[jj] = allowed;
      out.scatter_low[packed(j) + j] = 0;
      slot(kMergeError, j) += allowed;
      continue;
    }
    for (Index k = 0; k < columns; ++k) {
      out.scatter[j * columns + k] = out.scatter[k * columns + j] = 0;
      out.scatter_low[packed(std::min(j, k)) + std::max(j, k)] = 0;
    }
  }
}

void Merge::sizes() {
  constexpr double kChance = 1e-15, kAlike = 1e-2;
  for (Index j = 0; j < columns; ++j) {
    const double whole = out.scatter[j * (columns + 1)] / n;
    double least = whole;
    for (const MomentsView* part : {&a, &b}) {
      const double own = of(*part, kSmallest, j), square = part->mean[j] * part->mean[j];
      if (own > 0 || (square > 0 && square < kChance * whole)) least = std::min(least, own > 0 ? own : square);
    }
    slot(kSmallest, j) = least < kAlike * whole ? least : whole;
  }
}

// An infinite bound has no information, and no file may hold it.
void Merge::require_bounds() const {
  const double* const first = out.accuracy;
  require(std::all_of(first, first + kAccuracy * columns, [](double x) { return x * 0 == 0; }), kOverflow);
}

}  // namespace

void merge_moments(const MomentsView& a, const MomentsView& b, int sign, Index columns, double count, bool single,
                   bool exact, const MomentsSlots& out) {
  require(sign == 1 || sign == -1, "sign must be 1 or -1, got ", sign);
  require(a.count > 0 && b.count > 0, "counts must be above 0, got ", a.count, " and ", b.count);
  require(count > 0, "b must have a smaller count than a, got ", b.count, " and ", a.count);
  Merge merge(a, b, sign, columns, count, exact, out);
  merge.means();
  merge.scatters();
  merge.bounds();
  if (sign == -1) merge.settle(single);
  merge.sizes();
  merge.require_bounds();
}

}  // namespace pyrometer::data
