#include "pyrometer/minimum/faces/modular_span.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyrometer::minimum {
namespace {

// (p - 1) / 2 is a prime too, so that powers of two take all values or every other one.
constexpr Residue kPrime = 3141592653589794659;
constexpr Residue kMinusInverse = 0xbbe3f435434655b5;  // -1 / p modulo 2^64
constexpr Residue kMinusOne = kPrime - 0x26021aa1d5047311;
constexpr Residue kLeast = 1085934894141335989;  // 2^(128 - 1126)
__extension__ using Twice = unsigned __int128;

/// The factors of whole numbers of 53 bits, for exponents from -1073.
std::vector<Residue> powers_of_two() {
  std::vector<Residue> out{kLeast};
  while (out.size() < 2100) out.push_back(sum(out.back(), out.back()));
  return out;
}

}  // namespace

Residue sum(Residue a, Residue b) {
  const Residue both = a + b;
  return both < kPrime ? both : both - kPrime;
}

Residue product(Residue a, Residue b) {
  const Twice both = static_cast<Twice>(a) * b;
  const auto out =
      static_cast<Residue>((both + static_cast<Twice>(static_cast<Residue>(both) * kMinusInverse) * kPrime) >> 64);
  return out < kPrime ? out : out - kPrime;
}

Residue residue_of(double x) {
  static const std::vector<Residue> powers = powers_of_two();
  int exponent = 0;
  const auto whole = static_cast<Residue>(std::ldexp(std::frexp(std::abs(x), &exponent), 53));
  const Residue size = product(whole, powers[at(exponent + 1073)]);
  return x < 0 && size > 0 ? kPrime - size : size;
}

Index ModularSpan::reduce(std::vector<Residue>& row) const {
  for (std::size_t k = 0; k < basis_.size(); ++k) {
    const Residue factor = row[at(pivots_[k])];
    if (factor == 0) continue;
    for (std::size_t j = 0; j < basis_[k].size(); ++j)
      if (basis_[k][j] != 0) row[j] = sum(row[j], product(factor, basis_[k][j]));
  }
  const auto left = std::find_if(row.begin(), row.end(), [](Residue x) { return x != 0; });
  return left == row.end() ? -1 : left - row.begin();
}

bool ModularSpan::add(std::vector<Residue> row) {
  const Index pivot = reduce(row);
  if (pivot >= 0) add(std::move(row), pivot);
  return pivot >= 0;
}

void ModularSpan::add(std::vector<Residue> row, Index pivot) {
  // -1 / x = -x^(p - 2).
  Residue inverse = kMinusOne, power = row[at(pivot)];
  for (Residue bits = kPrime - 2; bits > 0; bits >>= 1, power = product(power, power))
    if (bits & 1) inverse = product(inverse, power);
  for (Residue& x : row) x = product(x, inverse);
  pivots_.push_back(pivot);
  basis_.push_back(std::move(row));
}

Index ModularSpan::redundant(std::vector<std::vector<Residue>> rows) const {
  ModularSpan span = *this;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::vector<Residue>& row = rows[k];
    const std::size_t width = row.size();
    row.resize(width + rows.size());  // the parts of the rows come last
    row[width + k] = 1;
    const Index pivot = span.reduce(row);
    const auto parts = row.begin() + static_cast<std::ptrdiff_t>(width);
    if (at(pivot) >= width) return std::find(parts, row.end(), Residue{0}) - parts;
    span.add(std::move(row), pivot);
  }
  return -1;
}

}  // namespace pyrometer::minimum
