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

/// The exponent of 0 in scales_of.
inline constexpr int kExponentOfZero = -(1 << 20);

/// Exponents of column scales, given those of the elements, column after column: see column_exponents.
[[nodiscard]] std::vector<int> scales_of(const std::vector<int>& exponents, Index columns);

/// Exponents of column scales such that, with each row scaled to a largest element near 1, the median of each column's
/// elements other than 0 is near 1: few rows that are far larger than all others do not change it.
template <class Value>
std::vector<int> column_exponents(Index rows, Index columns, Value value) {
  std::vector<int> exponents(at(rows * columns));
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      const double x = value(i, j);
      exponents[at(j * rows + i)] = x == 0 ? kExponentOfZero : exponent_of(x);
    }
  }
  return scales_of(exponents, columns);
}

}  // namespace pyrometer::minimum
