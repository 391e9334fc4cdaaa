#include "pyrometer/minimum/absolute/interior_point.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "pyrometer/minimum/absolute/simplex.hpp"

namespace {

using namespace pyrometer;
using namespace pyrometer::minimum::absolute;

// Counts 0, 1 and 2 at equal steps of an angle; columns are its cosines, each of unit mean square.
Rows counts(Index m, Index n) {
  Rows rows(n, m);
  std::fill(rows.x.begin(), rows.x.end(), 0.0);
  Vec z(at(n));
  for (Index i = 0; i < m; ++i) {
    const double angle = std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(m);
    for (Index j = 0; j < n; ++j)
      z[at(j)] = (j == 0 ? 1 : std::numbers::sqrt2) * std::cos(static_cast<double>(j) * angle);
    rows.set(i, z.data(), std::floor(1.5 * (jitter_of(i + m) + 1)) * 0.5);
    rows.y[at(i)] += 1e-7 * jitter_of(i);
  }
  return rows;
}

double energy(const Rows& rows, const Vec& phi) {
  Vec z(at(rows.columns));
  double sum = 0;
  for (Index i = 0; i < rows.count; ++i) {
    double r = rows.row(i, z.data());
    for (Index j = 0; j < rows.columns; ++j) r -= z[at(j)] * phi[at(j)];
    sum += std::abs(r);
  }
  return sum;
}

}  // namespace

TEST_CASE("interior point: tied targets, from starting points of any quality") {
  const ExecutionContext context;
  for (const Index n : {5, 20, 40}) {
    const Rows rows = counts(80 * n, n);
    const Vertex vertex = simplex(rows, Vec(at(n)), false, context);
    REQUIRE(vertex.optimal);
    const double least = energy(rows, vertex.phi);
    for (const double start : {0.0, 1e-9, 1e-3, 1.0, 1e6}) {
      Vec phi = vertex.phi;
      for (Index j = 0; j < n; ++j) phi[at(j)] += start * jitter_of(j);
      const Vec room = interior(rows, 1e-12, phi, context);
      CHECK(energy(rows, phi) <= least * (1 + 1e-9));
      // Rows whose sign is decided have that sign.
      for (Index i = 0; i < rows.count; ++i)
        if (std::abs(room[at(i)]) < 1e-6) CHECK((room[at(i)] > 0 ? 1 : -1) * vertex.signs[at(i)] >= 0);
    }
  }
}
