#include "pyrometer/minimum/absolute/dependence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Relative accuracy of coefficients, each times the scale of its column, to the largest; below kVanishing they are 0.
constexpr double kOfLargest = 1e-14;
constexpr double kVanishing = 1e-13;
// Rounding error of a sum relative to its terms.
constexpr double kOfTerms = 1e-12;
// Rows may be near 0 because numbers of typical size were subtracted, means for one, and rounding is that of these. In
// units of the terms of a typical row: it is 0 or at least kLeastRest, and smaller differences are those of far smaller
// rows; the smallest of m rows is above kChance / m, unless it is rounding itself, kAlike times that of others at most.
// Where the largest exceeds kHuge, no row is typical.
constexpr double kLeastRest = kEpsilon / 64, kChance = 1e-3, kAlike = 8, kHuge = 1e4;
constexpr Index kTypicalRows = 1024;

// The nearest number of 20 significant bits.
double nearest_short(double value) {
  const int exponent = 20 - std::clamp(std::ilogb(value), -1100, 1100);
  return std::ldexp(std::round(std::ldexp(value, exponent)), -exponent);
}

// The product; nan, which fails every test of dependence, where it underflows.
double scaled(double value, double weight) {
  const double product = value * weight;
  const bool lost = value != 0 && std::abs(product) < std::numeric_limits<double>::min();
  return lost ? std::numeric_limits<double>::quiet_NaN() : product;
}

// The column minus its combination of the others, in double-double precision.
DoubleDouble difference(const Dependence& d, const Vec& x) {
  DoubleDouble sum{x[at(d.column)], 0};
  for (std::size_t k = 0; k < d.of.size(); ++k) sum.add_product(-d.coefficients[k], x[at(d.of[k])]);
  return sum;
}

// The sum of the absolute values of its terms.
double terms_of(const Dependence& d, const Vec& x) {
  double sum = std::abs(x[at(d.column)]);
  for (std::size_t k = 0; k < d.of.size(); ++k) sum += std::abs(d.coefficients[k] * x[at(d.of[k])]);
  return sum;
}

// The difference between a column and its combination of others, over the rows seen so far.
class Difference {
 public:
  // centre  of the scaled columns; -1 for the constant, which is then 0 in x.
  // typical  terms_of() a typical row, of so many.
  Difference(const Dependence& of, const Vec& centre, double typical, Index rows)
      : of_(of),
        centre_(centre),
        constant_(difference(of, centre)),
        offset_(terms_of(of, centre)),
        typical_(typical),
        least_by_chance_(kChance / static_cast<double>(rows) * typical) {}

  void add(const Vec& x) {
    double rest = x[at(of_.column)] - constant_.hi, size = std::abs(x[at(of_.column)]), bound = 0;
    for (std::size_t k = 0; k < of_.of.size(); ++k) {
      const double value = x[at(of_.of[k])], term = of_.coefficients[k] * value;
      rest -= term;
      size += std::abs(term);
      bound += of_.rounding_bound[k] * std::abs(value - centre_[at(of_.of[k])]);
    }
    const double off = std::abs(rest);
    if (!(off <= kOfTerms * (size + offset_) + bound)) {
      beyond_ = true;
      beyond_subtracted_ = beyond_subtracted_ || !(off <= kOfTerms * typical_ && off >= kLeastRest * typical_);
      if (size < least_by_chance_) nothing_ = std::max(nothing_, size);
    } else {
      rest_ = std::max(rest_, off);
    }
    // A constant at rounding level is taken for 0.
    const bool affine = std::abs(constant_.hi) > kOfTerms * offset_;
    if (!any_) {
      DoubleDouble exactly = difference(of_, x);
      if (affine) {
        exactly.add(-constant_.hi);
        exactly.add(-constant_.lo);
      }
      any_ = exactly.value() != 0;
    }
    if (affine) size += std::abs(constant_.hi);
    most_ = std::max(most_, size);
    if (size > 0) least_ = std::min(least_, size);
  }
  void merge(const Difference& other) {
    beyond_ = beyond_ || other.beyond_;
    beyond_subtracted_ = beyond_subtracted_ || other.beyond_subtracted_;
    any_ = any_ || other.any_;
    nothing_ = std::max(nothing_, other.nothing_);
    rest_ = std::max(rest_, other.rest_);
    most_ = std::max(most_, other.most_);
    least_ = std::min(least_, other.least_);
  }
  // Whether the difference is 0, or at rounding level in every row: it must be so relative to the smallest row, too.
  // Rows near 0 are no smaller where numbers of typical size were subtracted.
  [[nodiscard]] bool is_rounding() const {
    if (most_ <= kHuge * typical_)
      return !beyond_subtracted_ && nothing_ <= kAlike * rest_ && (!any_ || kLeastRest * typical_ < least_);
    return !beyond_ && (!any_ || kOfTerms * most_ < least_);
  }

 private:
  const Dependence& of_;
  const Vec& centre_;
  DoubleDouble constant_;
  double offset_, typical_, least_by_chance_;
  bool beyond_ = false, beyond_subtracted_ = false, any_ = false;
  double nothing_ = 0, rest_ = 0;  // the largest row that may be rounding; the largest difference that is
  double most_ = 0, least_ = std::numeric_limits<double>::infinity();  // sizes of rows that are not zero
};

// Row i in scaled columns.
void scaled_row(const Table& table, const Whitening& whitening, Index i, Vec& x) {
  table.raw(i, x.data());
  for (Index j = 0; j < table.features; ++j) x[at(j)] = scaled(x[at(j)], whitening.weight[at(j)]);
}

// Medians of terms_of() a sample of rows, without those that are 0, one for each of `columns`.
Vec typical_terms(const Table& table, const Whitening& whitening, const std::vector<Dependence>& columns) {
  Vec x(at(table.columns + 1)), out;
  std::vector<Vec> sizes(columns.size());
  const Index rows = std::min(table.count, kTypicalRows);
  for (Index k = 0; k < rows; ++k) {
    scaled_row(table, whitening, stratified(k, rows, table.count), x);
    for (std::size_t d = 0; d < columns.size(); ++d)
      if (const double size = terms_of(columns[d], x); size > 0) sizes[d].push_back(size);
  }
  for (Vec& of : sizes) {
    const auto middle = of.begin() + std::ssize(of) / 2;
    std::nth_element(of.begin(), middle, of.end());
    out.push_back(of.empty() ? 0 : *middle);
  }
  return out;
}

}  // namespace

Dependence dependence(Index column, const Vec& parts, const Vec& size) {
  double largest = size[at(column)];
  for (std::size_t j = 0; j < parts.size(); ++j) largest = std::max(largest, std::abs(parts[j]) * size[j]);
  Dependence out{column, {}, {}, {}};
  for (std::size_t j = 0; j < parts.size(); ++j) {
    if (!(std::abs(parts[j]) * size[j] > kVanishing * largest)) continue;
    const double short_value = nearest_short(parts[j]), bound = kOfLargest * largest / size[j];
    const bool is_short = std::abs(short_value - parts[j]) <= kOfTerms * std::abs(short_value);
    out.of.push_back(static_cast<Index>(j));
    out.coefficients.push_back(is_short ? short_value : parts[j]);
    out.rounding_bound.push_back(is_short ? 0 : bound);
  }
  return out;
}

bool all_depend(const Table& table, const Whitening& whitening, const std::vector<Dependence>& columns,
                ExecutionContext context) {
  if (table.underflows) return false;
  const Index n = table.columns, p = table.features;
  Vec centre(at(n), -1.0);
  for (Index j = 0; j < p; ++j) centre[at(j)] = whitening.centre[at(j)] * whitening.weight[at(j)];
  std::vector<Difference> none;
  const Vec typical = typical_terms(table, whitening, columns);
  for (std::size_t d = 0; d < columns.size(); ++d) none.emplace_back(columns[d], centre, typical[d], table.count);
  const base::Chunks chunks{table.count, kChunk * kBlock};
  std::vector<std::vector<Difference>> parts(at(chunks.number()), none);
  context.for_each_chunk(chunks.number(), table.count * n, [&](Index chunk, int) {
    Vec x(at(n + 1));
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      scaled_row(table, whitening, i, x);
      for (Difference& part : parts[at(chunk)]) part.add(x);
    }
  });
  for (std::size_t d = 0; d < none.size(); ++d) {
    for (const auto& part : parts) none[d].merge(part[d]);
    if (!none[d].is_rounding()) return false;
  }
  return true;
}

}  // namespace pyrometer::minimum::absolute
