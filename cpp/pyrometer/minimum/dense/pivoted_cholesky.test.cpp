#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

using pyrometer::at;
using pyrometer::Index;
using pyrometer::minimum::Factor;
using pyrometer::minimum::factor_blocked;
using pyrometer::minimum::moment_noise;

namespace {

// Second moments of `columns` pseudo-random columns of `rows` numbers; the last two are sums of earlier ones.
std::vector<double> gram(Index rows, Index columns, std::vector<double>& scale) {
  std::vector<double> x(at(rows * columns)), g(at(columns * columns));
  const auto cell = [&](Index i, Index j) -> double& { return x[at(i * columns + j)]; };
  double state = 0.5;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns - 2; ++j) cell(i, j) = (state = 3.99 * state * (1 - state)) - 0.5;
    cell(i, columns - 2) = cell(i, 0) + cell(i, 1);
    cell(i, columns - 1) = 3 * cell(i, 2);
  }
  scale.resize(at(columns));
  for (Index j = 0; j < columns; ++j)
    for (Index k = 0; k < columns; ++k) {
      double& sum = g[at(j * columns + k)];
      for (Index i = 0; i < rows; ++i) sum += cell(i, j) * cell(i, k);
      if (j == k) scale[at(j)] = std::sqrt(sum);
    }
  return g;
}

// An element of such moments, scaled.
double scaled_moment(const std::vector<double>& g, const std::vector<double>& scale, Index j, Index k) {
  return g[at(j) * scale.size() + at(k)] / (scale[at(j)] * scale[at(k)]);
}

// The factor of those of the first n columns.
Factor factor_of(const std::vector<double>& g, const std::vector<double>& scale, Index n) {
  Factor f;
  f.prepare(n);
  for (Index j = 0; j < n; ++j) {
    f.scale(j) = scale[at(j)];
    for (Index k = j; k < n; ++k) f.row(j)[k] = scaled_moment(g, scale, j, k);
  }
  f.run(4 * moment_noise(n));
  return f;
}

}  // namespace

TEST_CASE("the factor of a singular matrix: rank, product, dependence, solves") {
  for (const Index n : {4, 31, 33, 70, 97}) {
    CAPTURE(n);
    std::vector<double> scale;
    const std::vector<double> g = gram(3 * n, n, scale);
    const auto scaled = [&](Index j, Index k) { return scaled_moment(g, scale, j, k); };
    const Factor f = factor_of(g, scale, n);
    REQUIRE(f.rank() == n - 2);

    double worst = 0;
    for (Index a = 0; a < n; ++a)
      for (Index b = a; b < n; ++b) {
        double sum = 0;
        for (Index q = 0; q < f.rank() && q <= a; ++q) sum += f.row(q)[a] * f.row(q)[b];
        worst = std::max(worst, std::abs(sum - scaled(f.column(a), f.column(b))));
      }
    CHECK(worst < 1e-13);

    // C x = b, then back: b from its definition.
    std::vector<double> x(at(n)), made(x.size());
    for (Index k = 0; k < n; ++k)
      for (Index l = 0; l < f.rank(); ++l) x[at(k)] += scaled(f.column(k), f.column(l)) * static_cast<double>(l + 1);
    f.forward(x.data());
    for (Index k = f.rank(); k < n; ++k) CHECK(std::abs(x[at(k)]) < 1e-11);
    f.backward(x.data());
    for (Index k = 0; k < f.rank(); ++k) CHECK(x[at(k)] == doctest::Approx(static_cast<double>(k + 1)).epsilon(1e-9));

    // A dependent column equals its linear combination of the others.
    f.dependence(n - 1, made.data());
    double largest = 0;
    for (Index l = 0; l < f.rank(); ++l) {
      double sum = -scaled(f.column(l), f.column(n - 1));
      for (Index k = 0; k < f.rank(); ++k) sum += scaled(f.column(l), f.column(k)) * made[at(k)];
      largest = std::max(largest, std::abs(sum));
    }
    CHECK(largest < 1e-12);
    CHECK(f.smallest_eigenvalue() > 0);
    CHECK(f.smallest_eigenvalue() <= 1);
    CHECK(f.largest_eigenvalue() >= 1);
  }
}

TEST_CASE("columns of scale 0 are dependent") {
  Factor f;
  f.prepare(3);
  f.scale(0) = 0;
  f.scale(1) = 2;
  f.scale(2) = 0;
  for (Index j = 0; j < 3; ++j)
    for (Index k = j; k < 3; ++k) f.row(j)[k] = 0;
  f.run(1e-14);
  CHECK(f.rank() == 1);
  CHECK(f.column(0) == 1);
  const double x[3] = {5, 6, 7};
  double out[3];
  f.whiten(x, out);
  CHECK(out[0] == 3);
  CHECK(out[1] == 0);
  CHECK(out[2] == 0);
}

TEST_CASE("an extended factor: its product, and false for dependent columns") {
  const Index n = 61;
  std::vector<double> scale;
  const std::vector<double> g = gram(3 * n, n, scale);
  Factor f;
  std::vector<Index> order;
  const auto scaled = [&](Index j, Index k) { return g[at(j * n + k)] / (scale[at(j)] * scale[at(k)]); };
  const auto fill = [&](Index kept, Index size) {
    for (Index k = static_cast<Index>(order.size()); k < size; ++k) order.push_back(k);
    for (Index j = 0; j < size; ++j) {
      const Index own = order[at(j)];
      f.scale(j) = scale[at(own)];
      for (Index k = std::max(j + 1, kept); k < size; ++k) f.row(j)[k] = scaled(own, order[at(k)]);
    }
  };
  f.prepare(20);
  fill(0, 20);
  f.run(4 * moment_noise(n));
  REQUIRE(f.rank() == 20);
  order = f.renumber();
  for (const auto& pair : {std::pair<Index, Index>{20, 23}, {23, 40}, {17, 40}, {40, n - 2}}) {
    const auto kept = pair.first, size = pair.second;
    CAPTURE(kept);
    order.resize(at(kept));
    std::vector<Index> rest;
    for (Index k = 0; k < size; ++k)
      if (std::find(order.begin(), order.end(), k) == order.end()) rest.push_back(k);
    order.insert(order.end(), rest.begin(), rest.end());
    order.resize(at(size));
    f.keep(kept, size);
    fill(kept, size);
    REQUIRE(f.append());
    REQUIRE(f.rank() == size);
    double worst = 0;
    for (Index a = 0; a < size; ++a)
      for (Index b = a; b < size; ++b) {
        double sum = 0;
        for (Index q = 0; q <= a; ++q) sum += f.row(q)[a] * f.row(q)[b];
        worst = std::max(worst, std::abs(sum - scaled(order[at(a)], order[at(b)])));
      }
    CHECK(worst < 1e-13);
  }
  f.keep(n - 2, n);
  fill(n - 2, n);
  CHECK_FALSE(f.append());
}

TEST_CASE("a factor without some of its columns: its product, and the solution of a system") {
  Index size = 40;
  std::vector<double> scale;
  const std::vector<double> g = gram(120, size + 2, scale);
  const auto scaled = [&](Index j, Index k) { return scaled_moment(g, scale, j, k); };
  Factor f = factor_of(g, scale, size);
  std::vector<Index> order = f.renumber();
  CHECK_FALSE(f.needs_pivoting());
  for (const Index gone : {39, 0, 17, 36, 1}) {
    f.remove(gone);
    order.erase(order.begin() + gone);
    REQUIRE(f.rank() == --size);
    REQUIRE(f.size() == size);
    double worst = 0;
    std::vector<double> x(at(size));
    for (Index a = 0; a < size; ++a) {
      CHECK(f.scale_at(a) == scale[at(order[at(a)])]);
      for (Index b = 0; b < size; ++b) {
        double sum = 0;
        for (Index q = 0; q <= std::min(a, b); ++q) sum += f.row(q)[a] * f.row(q)[b];
        worst = std::max(worst, std::abs(sum - scaled(order[at(a)], order[at(b)])));
        x[at(a)] += scaled(order[at(a)], order[at(b)]) * static_cast<double>(b);
      }
    }
    CHECK(worst < 1e-13);
    f.forward(x.data());
    f.backward(x.data());
    for (Index k = 0; k < size; ++k) CHECK(x[at(k)] == doctest::Approx(static_cast<double>(k)).epsilon(1e-9));
  }
}

TEST_CASE(
    "a factor of many columns: its product, the same bits for any number of threads, false where it is indefinite") {
  const Index n = 700;
  const auto element = [](Index i, Index k) { return std::exp(-0.3 * static_cast<double>(std::abs(i - k))); };
  for (const Index kept : {Index{0}, Index{90}}) {
    const auto factored = [&](Index threads, double corner) {
      std::vector<double> u(at(n * n));
      for (Index i = 0; i < n; ++i)
        for (Index k = i; k < n; ++k) u[at(i * n + k)] = element(i, k);
      u.back() = corner;
      REQUIRE((kept == 0 || factor_blocked(u.data(), n, 0, kept)));
      const bool definite = factor_blocked(u.data(), n, kept, n, static_cast<int>(threads));
      CHECK(definite == (corner > 0));
      return u;
    };
    const std::vector<double> u = factored(1, 1);
    CHECK(u == factored(3, 1));
    factored(2, -1);
    double worst = 0;
    for (Index i = 0; i < n; i += 7)
      for (Index k = i; k < n; ++k) {
        double sum = 0;
        for (Index q = 0; q <= i; ++q) sum += u[at(q * n + i)] * u[at(q * n + k)];
        worst = std::max(worst, std::abs(sum - element(i, k)));
      }
    CHECK(worst < 1e-14);
  }
}
