#include "pyrometer/data/merge.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/doubled.hpp"
#include "pyrometer/base/require.hpp"

namespace pyrometer::data {
namespace {

using base::Pair;

// Sides of the squares in which the lower half is copied from the upper one.
constexpr Index kSquare = 32;
// Of sums of two doubles: operations that each entry of the result has seen.
constexpr double kPairs = 8 * kUnitOfPairs;

struct Merge {
  Merge(const MomentsView& a_, const MomentsView& b_, int sign_, Index columns_, const MomentsSlots& out_)
      : a(a_), b(b_), out(out_), sign(sign_), columns(columns_) {}

  const MomentsView &a, &b;
  const MomentsSlots& out;
  const double sign;
  const Index columns;
  const double n_a = static_cast<double>(a.count), n_b = sign * static_cast<double>(b.count), n = n_a + n_b;
  const Pair weight = Pair::product(n_a, n_b) / Pair{n, 0};
  std::vector<Pair> delta{static_cast<std::size_t>(columns)};

  [[nodiscard]] Pair difference(Index j) const { return delta[static_cast<std::size_t>(j)]; }
  [[nodiscard]] double of(const MomentsView& from, Accuracy what, Index j) const {
    return from.accuracy[what * columns + j];
  }
  [[nodiscard]] double& slot(Accuracy what, Index j) const { return out.accuracy[what * columns + j]; }

  void means();
  void scatters();
  void tile(Index top, Index left);
  void bounds();
  void settle();
  [[nodiscard]] bool finite() const;
};

void Merge::means() {
  const Pair share = Pair{n_b, 0} / Pair{n, 0};
  for (Index j = 0; j < columns; ++j) {
    const Pair from{a.mean[j], of(a, kMeanLow, j)}, other{b.mean[j], of(b, kMeanLow, j)}, d = other + -from;
    const Pair mean = from + d * share;
    delta[static_cast<std::size_t>(j)] = d;
    out.mean[j] = mean.hi;
    slot(kMeanLow, j) = mean.lo;
  }
}

void Merge::tile(Index top, Index left) {
  static constexpr double kZeros[kSquare] = {};
  const Index bottom = std::min(top + kSquare, columns), right = std::min(left + kSquare, columns);
  const auto low = [&](const MomentsView& from, Index i) {
    return from.scatter_low ? from.scatter_low + i * columns + left : kZeros;
  };
  double d[kSquare], d_low[kSquare];
  for (Index j = left; j < right; ++j) d[j - left] = difference(j).hi, d_low[j - left] = difference(j).lo;
  for (Index i = top; i < bottom; ++i) {
    const Pair factor = weight * difference(i);
    const double *row_a = a.scatter + i * columns + left, *row_b = b.scatter + i * columns + left;
    const double *low_a = low(a, i), *low_b = low(b, i);
    double *row = out.scatter + i * columns + left, *row_low = out.scatter_low + i * columns + left;
    for (Index k = 0; k < right - left; ++k) {
      const double product = factor.hi * d[k], sum = row_a[k] + sign * row_b[k], all = sum + product;
      const double small = (base::sum_error(row_a[k], sign * row_b[k], sum) + base::sum_error(sum, product, all)) +
                           ((low_a[k] + sign * low_b[k]) + (base::product_error(factor.hi, d[k], product) +
                                                            (factor.hi * d_low[k] + factor.lo * d[k])));
      const Pair entry = Pair::sum(all, small);
      row[k] = entry.hi;
      row_low[k] = entry.lo;
    }
  }
  for (double* matrix : {out.scatter, out.scatter_low})
    for (Index i = top; i < bottom; ++i)
      for (Index j = std::max(left, i + 1); j < right; ++j) matrix[j * columns + i] = matrix[i * columns + j];
}

void Merge::scatters() {
  for (Index top = 0; top < columns; top += kSquare)
    for (Index left = top; left < columns; left += kSquare) tile(top, left);
}

// The errors of a and of b, and those of this very sum. A mean that is rounded to a pair shifts sums of products with
// every column by its error times distances of means, which are within the squares that are merged here.
void Merge::bounds() {
  std::vector<double> merged(static_cast<std::size_t>(columns));
  double shifted = 0;
  for (Index j = 0; j < columns; ++j) {
    const Index jj = j * (columns + 1);
    const double d = difference(j).hi;
    const double squares = std::abs(a.scatter[jj]) + std::abs(b.scatter[jj]) + std::abs(weight.hi) * d * d;
    merged[static_cast<std::size_t>(j)] = squares;
    if (d != 0)
      shifted = std::max(shifted, std::max(n_a, std::abs(n_b)) *
                                      (std::abs(a.mean[j]) + std::abs(b.mean[j]) + std::abs(out.mean[j])) /
                                      std::sqrt(squares));
  }
  bool exact_a = true, exact_b = true;
  for (Index j = 0; j < columns; ++j) {
    exact_a = exact_a && of(a, kSumError, j) == 0;
    exact_b = exact_b && of(b, kSumError, j) == 0;
  }
  for (Index j = 0; j < columns; ++j) {
    slot(kSumError, j) = of(a, kSumError, j) + of(b, kSumError, j);
    slot(kSquareError, j) = of(a, kSquareError, j) + of(b, kSquareError, j) +
                            kPairs * (1 + shifted) * merged[static_cast<std::size_t>(j)];
    slot(kLeast, j) = exact_a ? of(b, kLeast, j) : of(a, kLeast, j);
    slot(kMost, j) = exact_a ? of(b, kMost, j) : of(a, kMost, j);
    if (!exact_b) {
      slot(kLeast, j) = std::min(slot(kLeast, j), of(b, kLeast, j));
      slot(kMost, j) = std::max(slot(kMost, j), of(b, kMost, j));
    }
  }
}

// What is left of a difference may be rounding alone: a column without scatter, as one row has by nature.
void Merge::settle() {
  for (Index j = 0; j < columns; ++j) {
    const Index jj = j * (columns + 1);
    const double error = slot(kSumError, j), mean = out.mean[j];
    const double away = std::max(std::abs(slot(kMost, j) - mean), std::abs(mean - slot(kLeast, j)));
    const double allowed = slot(kSquareError, j) + error * (2 * away + error / n);
    require(out.scatter[jj] >= -8 * allowed, "b is not part of a: without it the squares of column ", j,
            " would add up to ", out.scatter[jj]);
    if (n == 1) slot(kSquareError, j) = 0, slot(kLeast, j) = slot(kMost, j) = mean;
    if (out.scatter[jj] > 0 && n > 1) continue;
    for (double* matrix : {out.scatter, out.scatter_low})
      for (Index k = 0; k < columns; ++k) matrix[j * columns + k] = matrix[k * columns + j] = 0;
  }
}

// The squares of the means, too: raw moments are made of them.
bool Merge::finite() const {
  double zero = 0;
  for (Index j = 0; j < columns; ++j) zero += out.mean[j] * out.mean[j] * 0 + slot(kMeanLow, j) * 0;
  for (Index cell = 0; cell < columns * columns; ++cell) zero += out.scatter[cell] * 0 + out.scatter_low[cell] * 0;
  return zero == 0;
}

}  // namespace

void merge_moments(const MomentsView& a, const MomentsView& b, int sign, Index columns, const MomentsSlots& out) {
  constexpr Index kMost = Index{1} << 53;  // counts are doubles in what follows
  require(sign == 1 || sign == -1, "sign must be 1 or -1, got ", sign);
  require(a.count >= 1 && b.count >= 1, "counts must be at least 1, got ", a.count, " and ", b.count);
  require(sign == 1 || a.count > b.count, "b must have fewer rows than a, got ", b.count, " and ", a.count);
  require(a.count <= kMost && b.count <= kMost - (sign == 1 ? a.count : 0), "counts must be at most 2^53, got ",
          a.count, " and ", b.count);
  Merge merge(a, b, sign, columns, out);
  merge.means();
  merge.scatters();
  require(merge.finite(), "second moments overflow: a and b must have finite squares together; rescale their data");
  merge.bounds();
  if (sign == -1) merge.settle();
}

}  // namespace pyrometer::data
