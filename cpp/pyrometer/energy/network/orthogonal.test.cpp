#include "pyrometer/energy/network/orthogonal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace pyrometer;

namespace {

constexpr base::Seed kSeed{5, 6};

std::vector<double> matrix(Index rows, Index cols, Index first) {
  std::vector<double> out(at(rows * cols));
  energy::orthogonal(kSeed, 3, first, rows, cols, out.data());
  return out;
}

}  // namespace

TEST_CASE("the shorter side of a matrix is orthonormal, up to the square root of the longer one") {
  for (const auto& shape : {std::pair<Index, Index>{1, 1}, {7, 3}, {3, 7}, {40, 40}, {65, 33}, {1, 9}, {9, 1}}) {
    const Index rows = shape.first, cols = shape.second;
    const std::vector<double> q = matrix(rows, cols, 5);
    const bool wide = rows < cols;
    const Index k = std::min(rows, cols), p = std::max(rows, cols);
    const auto entry = [&](Index i, Index j) { return wide ? q[at(j * cols + i)] : q[at(i * cols + j)]; };
    for (Index a = 0; a < k; ++a)
      for (Index b = 0; b <= a; ++b) {
        double sum = 0;
        for (Index i = 0; i < p; ++i) sum += entry(i, a) * entry(i, b);
        CHECK(std::abs(sum - (a == b ? static_cast<double>(p) : 0)) < 1e-12 * static_cast<double>(p));
      }
  }
}

TEST_CASE("it is the Gram-Schmidt basis of the columns of a normal matrix") {
  constexpr Index kRows = 6, kCols = 4;
  double G[kRows * kCols];
  base::normals(kSeed, 3, 1, 0, kRows * kCols, G);
  const std::vector<double> q = matrix(kRows, kCols, 0);
  for (Index j = 0; j < kCols; ++j) {
    double v[kRows], norm = 0;
    for (Index i = 0; i < kRows; ++i) v[i] = G[i * kCols + j];
    for (Index k = 0; k < j; ++k) {
      double dot = 0;
      for (Index i = 0; i < kRows; ++i) dot += q[at(i * kCols + k)] * G[i * kCols + j] / kRows;
      for (Index i = 0; i < kRows; ++i) v[i] -= dot * q[at(i * kCols + k)];
    }
    for (const double x : v) norm += x * x;
    for (Index i = 0; i < kRows; ++i)
      CHECK(q[at(i * kCols + j)] == doctest::Approx(v[i] * std::sqrt(kRows / norm)).epsilon(1e-12));
  }
  CHECK_THROWS_AS(matrix(0, 3, 0), std::invalid_argument);
}
