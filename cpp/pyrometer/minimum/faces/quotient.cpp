#include "pyrometer/minimum/faces/quotient.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyrometer::minimum {
namespace {

// What rounding errors of a basis explain is 0 up to this multiple of the row's largest element; above, a row is not
// known to be in the subspace.
constexpr double kNegligible = 0x1p-60;

/// Whether a sum is at rounding level: of its own terms, or of an error that these may have, which counts up to `most`.
bool vanishes(const DoubleDouble& sum, double own, double error, double most = INFINITY) {
  return std::abs(sum.hi) <= std::max(kVanishing * own, std::min(error, most));
}

}  // namespace

Quotient::Quotient(Index size, double rounding) : rounding_(rounding), taken_(at(size), false) {}

/// The basis rows that have a part in a row: of a sparse row, few.
std::vector<std::size_t> Quotient::parts(const std::vector<DoubleDouble>& row) const {
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < basis_.size(); ++k)
    if (row[at(pivots_[k])].hi != 0) out.push_back(k);
  return out;
}

/// Element j of a row minus its part in the subspace; 0 where that is at rounding level of its own terms, or of those
/// that they are computed from and at most `most`. `terms` gets the size of the largest of these.
DoubleDouble Quotient::remainder(const std::vector<DoubleDouble>& row, const std::vector<std::size_t>& parts,
                                 std::size_t j, double most, double& terms) const {
  DoubleDouble sum = row[j];
  double own = std::abs(sum.hi);
  terms = own;
  for (const std::size_t k : parts) {
    if (basis_[k][j].hi == 0) continue;
    const DoubleDouble& factor = row[at(pivots_[k])];
    const DoubleDouble part = factor * basis_[k][j];
    sum = sum - part;
    own += std::abs(part.hi);
    terms = std::max(terms, std::abs(factor.hi) * terms_[k][j]);
  }
  return vanishes(sum, own, rounding_ * terms, most) ? DoubleDouble() : sum;
}

/// Replaces the row by its remainders in the other columns, and 0 in the pivot columns, scaled by 2^-exponent.
/// `terms`: of the remainders, if wanted.
bool Quotient::reduce(std::vector<DoubleDouble>& row, std::vector<double>* terms) const {
  const std::vector<std::size_t> own = parts(row);
  double largest = 0, unused = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (taken_[j]) continue;
    row[j] = remainder(row, own, j, INFINITY, terms ? (*terms)[j] : unused);
    largest = std::max(largest, std::abs(row[j].hi));
  }
  for (const Index pivot : pivots_) row[at(pivot)] = 0;
  if (largest == 0) return false;
  const int exponent = -std::clamp(std::ilogb(largest), -1100, 1100);
  for (DoubleDouble& value : row) value = value.scaled(exponent);
  if (terms)
    for (double& value : *terms) value = std::ldexp(value, exponent);
  return true;
}

bool Quotient::contains(const std::vector<DoubleDouble>& row) const {
  const std::vector<std::size_t> own = parts(row);
  double largest = 0, terms = 0;
  for (const DoubleDouble& x : row) largest = std::max(largest, std::abs(x.hi));
  for (std::size_t j = 0; j < row.size(); ++j)
    if (!taken_[j] && remainder(row, own, j, kNegligible * largest, terms).hi != 0) return false;
  return true;
}

bool Quotient::represent(std::vector<DoubleDouble>& row) const { return reduce(row, nullptr); }

bool Quotient::add(std::vector<DoubleDouble> row, Index first) {
  std::vector<double> terms(row.size(), 0.0);
  if (!reduce(row, &terms)) return false;
  Index pivot = first;
  if (pivot < 0) {
    const auto size = [](const DoubleDouble& a, const DoubleDouble& b) { return std::abs(a.hi) < std::abs(b.hi); };
    pivot = std::max_element(row.begin(), row.end(), size) - row.begin();
  }
  const DoubleDouble scale = row[at(pivot)];
  const double relative = terms[at(pivot)] / std::abs(scale.hi);
  for (std::size_t j = 0; j < row.size(); ++j) {
    row[j] = row[j] / scale;
    terms[j] = row[j].hi == 0 ? 0 : std::max(terms[j] / std::abs(scale.hi), std::abs(row[j].hi) * relative);
  }
  row[at(pivot)] = 1;
  terms[at(pivot)] = 1;
  for (std::size_t k = 0; k < basis_.size(); ++k) {
    auto& other = basis_[k];
    const DoubleDouble part = other[at(pivot)];
    const double part_terms = terms_[k][at(pivot)];
    if (part.hi == 0) continue;
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (row[j].hi == 0) continue;
      const DoubleDouble term = part * row[j], rest = other[j] - term;
      double& own = terms_[k][j];
      own = std::max({own, std::abs(part.hi) * terms[j], part_terms * std::abs(row[j].hi)});
      const bool zero = vanishes(rest, std::abs(term.hi), rounding_ * own);
      other[j] = zero ? DoubleDouble() : rest;
      if (zero) own = 0;
    }
  }
  taken_[at(pivot)] = true;
  pivots_.push_back(pivot);
  basis_.push_back(std::move(row));
  terms_.push_back(std::move(terms));
  return true;
}

void Quotient::complete(std::vector<DoubleDouble>& direction) const {
  for (std::size_t k = 0; k < basis_.size(); ++k) {
    DoubleDouble sum;
    for (std::size_t j = 0; j < direction.size(); ++j)
      if (!taken_[j]) sum = sum - basis_[k][j] * direction[j];
    direction[at(pivots_[k])] = sum;
  }
}

}  // namespace pyrometer::minimum
