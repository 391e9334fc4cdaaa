// Sums of truncated normal variables against quadrature over densities.
#include "pyrometer/energy/rows/bounded_sum.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace energy = pyrometer::energy;
using energy::BoundedSum;
using energy::TruncatedShape;

namespace {

// The mean of f(v) over the density e^{-b^2 v^2 / 2} on [-1, 1], by a composite rule of order 4.
template <class Function>
double mean(double bound, int panels, Function f) {
  double total = 0, sum = 0;
  for (int i = 0; i <= 2 * panels; ++i) {
    const double v = -1.0 + static_cast<double>(i) / panels;
    const double weight = (i == 0 || i == 2 * panels ? 1.0
                           : i % 2                   ? 4.0
                                                     : 2.0) *
                          std::exp(-0.5 * bound * bound * v * v);
    total += weight;
    sum += weight * f(v);
  }
  return sum / total;
}

}  // namespace

TEST_CASE("the transform of a truncated shape is that of its density, and its envelope a bound") {
  for (const double bound : {0.0, 1e-6, 0.7, 2.0, 5.0, 9.0}) {
    const TruncatedShape shape(bound);
    CHECK(shape.variance() == doctest::Approx(mean(bound, 2000, [](double v) { return v * v; })).epsilon(1e-11));
    for (const double u : {0.01, 0.5, 3.0, 11.0, 60.0, 100.0, 300.0}) {
      const double expected = mean(bound, 20000, [u](double v) { return std::cos(u * v); });
      CHECK(std::fabs(shape.transform(u) - expected) < 1e-11);
      const double near = std::min(u, shape.gaussian_until);
      const double most = std::exp(-0.5 * shape.variance() * near * near) / std::max(1.0, u / shape.inverse_from);
      CHECK(std::fabs(shape.transform(u)) <= most * (1 + 1e-9) + 1e-15);
    }
    double phi[40];
    std::fill_n(phi, 40, 2.0);
    shape.multiply(2.5, 40, phi);
    for (int i = 0; i < 40; ++i) CHECK(std::fabs(phi[i] - 2.0 * shape.transform(2.5 * (2 * i + 1))) < 1e-14);
    CHECK(shape.mass(-1.0, 1.0) == doctest::Approx(1.0).epsilon(1e-14));
    CHECK(shape.first_moment(-0.3, 0.8) + shape.first_moment(-0.8, 0.3) == doctest::Approx(0.0));
  }
}

TEST_CASE("sums of two and three variables, equal and of very different reach") {
  const TruncatedShape two(2.0), flat(0.0);
  BoundedSum sum;
  for (const double small : {1.0, 0.1, 1e-3, 1e-6})
    for (const double y : {0.0, 0.4, 1.0, 2.5}) {
      std::vector<BoundedSum::Part> parts{{1.0, &two}, {small, &flat}};
      const auto result = sum.mean_absolute(y, parts, 0.0, 0.0);
      // Over the uniform variable in closed form.
      const double expected = mean(2.0, 200000, [&](double v) {
        const double c = std::fabs(v - y);
        return c < small ? 0.5 * (c * c / small + small) : c;
      });
      CHECK(std::fabs(result.value - expected) < 1e-9 * expected);
      CHECK(result.bound < 1e-12 * expected);
    }
  std::vector<BoundedSum::Part> three{{1.0, &two}, {1.0, &flat}, {1e-4, &two}};
  std::vector<BoundedSum::Part> same{{1e-4, &two}, {1.0, &flat}, {1.0, &two}};
  const double value = sum.mean_absolute(0.3, three, 1e-5, 0.0).value;
  CHECK(value == doctest::Approx(sum.mean_absolute(0.3, same, 1e-5, 0.0).value).epsilon(1e-14));
}
