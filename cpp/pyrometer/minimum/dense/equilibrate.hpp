// Equilibration of rows and columns by powers of two.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// The binary exponent of a non-zero number; 1023 for infinity and nan.
[[gnu::always_inline]] inline int exponent_of(double x) {
  const auto field = static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52 & 0x7FF);
  return field == 0 ? std::ilogb(x) : std::min(field, 0x7FE) - 1023;
}

/// The exponent of the largest element of a row after scaling its columns; 0 for a row of zeros.
template <class Value>
int row_exponent(const std::vector<int>& columns, Value value) {
  int most = 0;
  bool any = false;
  for (Index j = 0; j < std::ssize(columns); ++j) {
    const double x = value(j);
    if (x == 0) continue;
    const int own = exponent_of(x) + columns[at(j)];
    most = any ? std::max(most, own) : own;
    any = true;
  }
  return most;
}

/// Exponents of column scales such that, with each row scaled to a largest element near 1, the median of each column's
/// elements other than 0 is near 1: few rows that are far larger than all others do not change it.
template <class Value>
std::vector<int> column_exponents(Index rows, Index columns, Value value) {
  constexpr int kZero = -(1 << 20);  // the exponent of 0
  std::vector<int> out(at(columns), 0), exponents(at(rows * columns)), most(at(rows)), own;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      const double x = value(i, j);
      exponents[at(i * columns + j)] = x == 0 ? kZero : exponent_of(x);
    }
  }
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < most.size(); ++i) {
      most[i] = kZero;
      for (std::size_t j = 0; j < out.size(); ++j) {
        const int exponent = exponents[i * out.size() + j];
        most[i] = std::max(most[i], exponent + (exponent == kZero ? 0 : out[j]));
      }
    }
    for (std::size_t j = 0; j < out.size(); ++j) {
      own.clear();
      for (std::size_t i = 0; i < most.size(); ++i)
        if (const int exponent = exponents[i * out.size() + j]; exponent != kZero) own.push_back(exponent - most[i]);
      if (own.empty()) continue;
      const auto middle = own.begin() + std::ssize(own) / 2;
      std::nth_element(own.begin(), middle, own.end());
      out[j] = -*middle;
    }
  }
  return out;
}

}  // namespace pyrometer::minimum
