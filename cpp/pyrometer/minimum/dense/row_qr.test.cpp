#include "pyrometer/minimum/dense/row_qr.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/minimum/dense/pivoted_qr.hpp"

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

// Rows of pseudo-random numbers in [-1/2, 1/2], with weights near 1.
struct Sample {
  Shape shape;
  std::vector<double> X, y, mean, weights;

  Sample(Index rows, Index features, bool centred, bool constant)
      : shape{rows, features, centred, constant, 0}, mean(at(features + 1), 0.25) {
    const auto number = [](Index i) {
      const double x = std::sin(static_cast<double>(i + 1) * 12.9898) * 43758.5453;
      return x - std::floor(x) - 0.5;
    };
    for (Index i = 0; i < rows * features; ++i) X.push_back(number(i));
    for (Index i = 0; i < rows; ++i) y.push_back(number(i + 7777));
    for (Index i = 0; i < rows; ++i) weights.push_back(1 + number(i + 99));
  }

  [[nodiscard]] Columns triangle(Index block, int threads) const {
    const Rows<double> rows{X.data(), y.data(), mean.data(), weights.data()};
    return triangle_of(shape, rows, 0, shape.rows, block, threads);
  }
  [[nodiscard]] double element(Index i, Index j) const {
    const Index p = shape.features;
    if (shape.constant && j == p) return 1;
    const bool target = j == shape.columns();
    return (target ? y[at(i)] : X[at(i * p + j)]) - (shape.centred ? mean[at(target ? p : j)] : 0);
  }
  [[nodiscard]] double product(Index j, Index k) const {
    double sum = 0;
    for (Index i = 0; i < shape.rows; ++i) sum += weights[at(i)] * element(i, j) * element(i, k);
    return sum;
  }
};

double product(const Columns& r, Index j, Index k) {
  double sum = 0;
  for (Index i = 0; i < r.rows; ++i) sum += r.column(j)[i] * r.column(k)[i];
  return sum;
}

}  // namespace

TEST_CASE("triangles have the products of the rows, and the same bits for any number of threads") {
  // Panels are 48 columns wide, strips 240; the target and a constant are columns, too.
  for (const Index features : {1, 46, 47, 48, 95, 287, 290})
    for (const Index rows : {20, 130, 700}) {
      const Sample sample(rows, features, features % 2 == 0, features % 2 == 1);
      for (const Index block : {Index{100}, Index{1000}}) {
        const Columns one = sample.triangle(block, 1);
        CHECK(one.rows == std::min(rows, one.cols));
        for (const int threads : {2, 3}) CHECK(sample.triangle(block, threads).cells == one.cells);
        for (Index j = 0; j < one.cols; j += 1 + one.cols / 9)
          for (const Index k : {j, one.cols - 2, one.cols - 1})
            CHECK(std::abs(product(one, j, k) - sample.product(j, k)) < 1e-12 * static_cast<double>(rows));
      }
    }
}

TEST_CASE("the diagonal of the inverse solves for one column after another") {
  for (const Index features : {1, 7, 8, 9, 260}) {
    const Sample sample(400, features, false, false);
    const Pivoted f(sample.shape, sample.triangle(400, 1), sample.mean.data());
    std::vector<double> diagonal(at(features)), others(diagonal);
    f.inverse_diagonal(diagonal.data());
    f.inverse_diagonal(others.data(), 3);
    CHECK(others == diagonal);
    for (Index k = 0; k < features; k += 1 + features / 20) {
      std::vector<double> x(at(features));
      x[at(k)] = 1;
      f.forward(x.data());  // R'^-1 e_k, of which the squared length is the element
      double sum = 0;
      for (const double value : x) sum += value * value;
      CHECK(diagonal[at(k)] == doctest::Approx(sum).epsilon(1e-12));
    }
  }
}
