#include "pyrometer/minimum/faces/modular_span.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyrometer::minimum {
namespace {

constexpr int kBits = 61;
constexpr Residue kPrime = (Residue{1} << kBits) - 1;
__extension__ using Twice = unsigned __int128;

}  // namespace

Residue sum(Residue a, Residue b) {
  const Residue both = a + b;
  return both < kPrime ? both : both - kPrime;
}

Residue product(Residue a, Residue b) {
  const Twice both = static_cast<Twice>(a) * b;
  return sum(static_cast<Residue>(both) & kPrime, static_cast<Residue>(both >> kBits));
}

Residue residue_of(double x) {
  int exponent = 0;
  const auto whole = static_cast<Residue>(std::ldexp(std::frexp(std::abs(x), &exponent), 53));
  // Exponents are at least -1073.
  const Residue size = product(whole, Residue{1} << ((exponent - 53 + 20 * kBits) % kBits));
  return x < 0 && size > 0 ? kPrime - size : size;
}

Index ModularSpan::reduce(std::vector<Residue>& row) const {
  for (std::size_t k = 0; k < basis_.size(); ++k) {
    const Residue factor = row[at(pivots_[k])];
    if (factor == 0) continue;
    for (std::size_t j = 0; j < row.size(); ++j)
      if (basis_[k][j] != 0) row[j] = sum(row[j], product(factor, basis_[k][j]));
  }
  const auto left = std::find_if(row.begin(), row.end(), [](Residue x) { return x != 0; });
  return left == row.end() ? -1 : left - row.begin();
}

bool ModularSpan::add(std::vector<Residue> row) {
  const Index pivot = reduce(row);
  if (pivot < 0) return false;
  // -1 / x = -x^(p - 2).
  Residue inverse = kPrime - 1, power = row[at(pivot)];
  for (Residue bits = kPrime - 2; bits > 0; bits >>= 1, power = product(power, power))
    if (bits & 1) inverse = product(inverse, power);
  for (Residue& x : row) x = product(x, inverse);
  pivots_.push_back(pivot);
  basis_.push_back(std::move(row));
  return true;
}

}  // namespace pyrometer::minimum
