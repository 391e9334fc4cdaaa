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

/// Exponents of column scales such that, with each row scaled to a largest element near 1, the geometric mean of each
/// column is near 1.
template <class Value>
std::vector<int> column_exponents(Index rows, Index columns, Value value) {
  constexpr int kZero = -(1 << 20);  // the exponent of 0
  std::vector<int> out(at(columns), 0), exponents(at(rows * columns));
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      const double x = value(i, j);
      exponents[at(i * columns + j)] = x == 0 ? kZero : exponent_of(x);
    }
  }
  std::vector<Index> sums(out.size()), counts(out.size());
  for (int round = 0; round < 3; ++round) {
    std::fill(sums.begin(), sums.end(), 0);
    std::fill(counts.begin(), counts.end(), 0);
    for (const int* row = exponents.data(); row != exponents.data() + exponents.size(); row += columns) {
      int most = kZero;
      for (std::size_t j = 0; j < out.size(); ++j) most = std::max(most, row[j] + (row[j] == kZero ? 0 : out[j]));
      for (std::size_t j = 0; j < out.size(); ++j) {
        sums[j] += row[j] == kZero ? 0 : row[j] + out[j] - most;
        counts[j] += row[j] == kZero ? 0 : 1;
      }
    }
    for (std::size_t j = 0; j < out.size(); ++j)
      if (counts[j]) out[j] -= static_cast<int>(sums[j] / counts[j]);
  }
  return out;
}

}  // namespace pyrometer::minimum
