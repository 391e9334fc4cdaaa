#include "pyrometer/minimum/faces/quotient.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/minimum/faces/smallest_point.hpp"

namespace pyrometer::minimum {

Quotient::Quotient(Index size) : taken_(at(size), false) {}

/// The basis rows that have a part in a row: of a sparse row, few.
std::vector<std::size_t> Quotient::parts(const std::vector<DoubleDouble>& row) const {
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < basis_.size(); ++k)
    if (row[at(pivots_[k])].hi != 0) out.push_back(k);
  return out;
}

/// Element j of a row minus its part in the subspace; 0 where that is at rounding level.
DoubleDouble Quotient::remainder(const std::vector<DoubleDouble>& row, const std::vector<std::size_t>& parts,
                                 std::size_t j) const {
  DoubleDouble sum = row[j];
  double terms = std::abs(sum.hi);
  for (const std::size_t k : parts) {
    if (basis_[k][j].hi == 0) continue;
    const DoubleDouble part = row[at(pivots_[k])] * basis_[k][j];
    sum = sum - part;
    terms += std::abs(part.hi);
  }
  return std::abs(sum.hi) <= kVanishing * terms ? DoubleDouble() : sum;
}

bool Quotient::contains(const std::vector<DoubleDouble>& row) const {
  const std::vector<std::size_t> own = parts(row);
  for (std::size_t j = 0; j < row.size(); ++j)
    if (!taken_[j] && remainder(row, own, j).hi != 0) return false;
  return true;
}

bool Quotient::represent(std::vector<DoubleDouble>& row) const {
  const std::vector<std::size_t> own = parts(row);
  double largest = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (taken_[j]) continue;
    row[j] = remainder(row, own, j);
    largest = std::max(largest, std::abs(row[j].hi));
  }
  for (const Index pivot : pivots_) row[at(pivot)] = 0;
  if (largest == 0) return false;
  for (DoubleDouble& value : row) value = value.scaled(-std::clamp(std::ilogb(largest), -1100, 1100));
  return true;
}

void Quotient::add(std::vector<DoubleDouble> row, Index first) {
  Index pivot = first;
  if (pivot < 0) {
    const auto size = [](const DoubleDouble& a, const DoubleDouble& b) { return std::abs(a.hi) < std::abs(b.hi); };
    pivot = std::max_element(row.begin(), row.end(), size) - row.begin();
  }
  const DoubleDouble scale = row[at(pivot)];
  for (DoubleDouble& value : row) value = value / scale;
  row[at(pivot)] = 1;
  for (auto& other : basis_) {
    const DoubleDouble part = other[at(pivot)];
    if (part.hi == 0) continue;
    for (std::size_t j = 0; j < row.size(); ++j) {
      const DoubleDouble term = part * row[j], rest = other[j] - term;
      other[j] = std::abs(rest.hi) <= kVanishing * std::abs(term.hi) ? DoubleDouble() : rest;
    }
  }
  taken_[at(pivot)] = true;
  pivots_.push_back(pivot);
  basis_.push_back(std::move(row));
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
