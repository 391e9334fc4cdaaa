#include "pyrometer/minimum/lasso/updated_qr.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace pyrometer::minimum {
namespace {

// Columns of length 1; the last is a combination of the first two.
Columns design(Index rows, Index cols, std::mt19937& state) {
  std::normal_distribution<double> normal;
  Columns out(rows, cols);
  for (double& x : out.cells) x = normal(state);
  for (Index i = 0; i < rows; ++i) out.column(cols - 1)[i] = out.column(0)[i] - 2 * out.column(1)[i];
  for (Index j = 0; j < cols; ++j) {
    const double length = std::sqrt(dot(out.column(j), out.column(j), 0, rows));
    for (Index i = 0; i < rows; ++i) out.column(j)[i] /= length;
  }
  return out;
}

}  // namespace

TEST_CASE("columns that enter and leave a QR: it solves their normal equations, and names dependent ones") {
  std::mt19937 state(7);
  const Index rows = 30, cols = 20;
  const Columns all = design(rows, cols, state);
  UpdatedQr qr;
  int dependent = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Index> wanted;
    for (Index j = 0; j < cols; ++j)
      if (state() % 8 < (round % 2 ? 6 : 3)) wanted.push_back(j);
    const Index named = qr.factor(all, wanted);
    const auto in = [&](Index j) { return std::find(wanted.begin(), wanted.end(), j) != wanted.end(); };
    CHECK((named >= 0) == (in(0) && in(1) && in(cols - 1)));
    if (named >= 0) {
      ++dependent;
      REQUIRE(qr.dependence().size() == qr.columns().size());
      for (Index i = 0; i < rows; ++i) {
        double sum = all.column(named)[i];
        for (std::size_t k = 0; k < qr.columns().size(); ++k)
          sum -= qr.dependence()[k] * all.column(qr.columns()[k])[i];
        CHECK(std::abs(sum) < 1e-13);
      }
      continue;
    }
    std::vector<Index> sorted = qr.columns();
    std::sort(sorted.begin(), sorted.end());
    REQUIRE(sorted == wanted);
    Numbers x;
    for (const Index j : qr.columns()) x.push_back(std::sin(static_cast<double>(j + round)));
    const Numbers right = x;
    qr.solve(x);
    for (std::size_t k = 0; k < x.size(); ++k) {
      double left = 0;
      for (std::size_t j = 0; j < x.size(); ++j)
        left += x[j] * dot(all.column(qr.columns()[k]), all.column(qr.columns()[j]), 0, rows);
      CHECK(std::abs(left - right[k]) < 1e-11);
    }
  }
  CHECK((dependent > 20 && dependent < 200));
}

}  // namespace pyrometer::minimum
