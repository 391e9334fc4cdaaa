#include "pyrometer/minimum/dense/equilibrate.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

// column_exponents, row after row and by sorting.
std::vector<int> sorted_scales(const std::vector<double>& x, Index rows, Index columns) {
  std::vector<int> out(at(columns), 0);
  for (int round = 0; round < 3; ++round) {
    std::vector<int> most;
    for (Index i = 0; i < rows; ++i) most.push_back(row_exponent(out, [&](Index j) { return x[at(i * columns + j)]; }));
    for (Index j = 0; j < columns; ++j) {
      std::vector<int> own;
      for (Index i = 0; i < rows; ++i)
        if (const double value = x[at(i * columns + j)]; value != 0) own.push_back(most[at(i)] - exponent_of(value));
      std::sort(own.begin(), own.end());
      if (!own.empty()) out[at(j)] = own[(own.size() - 1) / 2];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("column scales are medians: of few exponents and of many, with zeros, down to subnormal numbers") {
  std::mt19937 state(1);
  for (int round = 0; round < 300; ++round) {
    const Index rows = 1 + static_cast<Index>(state() % 40), columns = 1 + static_cast<Index>(state() % 6);
    const int spread = std::vector<int>{0, 3, 60, 1000}[state() % 4];
    std::uniform_int_distribution<int> exponent(-spread, spread);
    std::vector<double> x;
    for (Index q = 0; q < rows * columns; ++q)
      x.push_back(state() % 4 == 0 ? 0.0 : std::ldexp(state() % 2 ? 1.5 : -1.0, exponent(state)));
    if (round % 5 == 0) x.front() = 0x1p-1074;
    const auto scales = column_exponents(rows, columns, [&](Index i, Index j) { return x[at(i * columns + j)]; });
    CHECK(scales == sorted_scales(x, rows, columns));
  }
}
