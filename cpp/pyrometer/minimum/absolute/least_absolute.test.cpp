#include "pyrometer/minimum/absolute/least_absolute.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "pyrometer/minimum/absolute/certificate.hpp"

namespace {

using namespace pyrometer;
using namespace pyrometer::minimum;

// Pseudo-random numbers in (-1, 1).
struct Noise {
  std::uint64_t state = 1;
  double operator()() {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>(static_cast<std::int64_t>(state)) * 0x1p-63;
  }
};

struct Data {
  std::vector<double> X, y;
};

Data make(Index m, Index p) {
  Noise noise;
  Data data;
  for (Index i = 0; i < m; ++i) {
    double y = noise();
    for (Index j = 0; j < p; ++j) {
      data.X.push_back(noise());
      y += static_cast<double>(j) * data.X.back();
    }
    data.y.push_back(y);
  }
  return data;
}

struct Answer {
  double value = 0, gap = 0;
  std::vector<double> theta;
  Index rank = 0;
};

Answer solve(const Data& data, Index m, Index p, int threads) {
  Answer a;
  a.theta.resize(at(p + 1));
  least_absolute(data.X.data(), data.y.data(), 1, m, p, true, threads, &a.value, a.theta.data(), &a.gap, &a.rank);
  return a;
}

double energy(const Data& data, Index m, double slope, double offset) {
  double sum = 0;
  for (std::size_t i = 0; i < at(m); ++i) sum += std::abs(data.y[i] - slope * data.X[i] - offset);
  return sum / static_cast<double>(m);
}

}  // namespace

TEST_CASE("least absolute deviations: the best line through two of the points") {
  const Index m = 40;
  const Data data = make(m, 1);
  double best = 1e300;
  for (std::size_t i = 0; i < 40; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const double slope = (data.y[i] - data.y[k]) / (data.X[i] - data.X[k]);
      best = std::min(best, energy(data, m, slope, data.y[i] - slope * data.X[i]));
    }
  }
  const Answer answer = solve(data, m, 1, 1);
  CHECK(answer.value == doctest::Approx(best).epsilon(1e-14));
  CHECK(answer.gap < 1e-14);
  CHECK(answer.rank == 1);
}

TEST_CASE("least absolute deviations: the same bits for any threads") {
  const Data data = make(40000, 3);
  const Answer one = solve(data, 40000, 3, 1), three = solve(data, 40000, 3, 3);
  CHECK(one.value == three.value);
  CHECK(one.gap == three.gap);
  CHECK(one.theta == three.theta);
  CHECK(one.gap < 1e-13);
}

TEST_CASE("least absolute deviations: the gap of a vertex that is not optimal is at least its excess") {
  using namespace absolute;
  const Index m = 40;
  const Data data = make(m, 1);
  const double best = solve(data, m, 1, 1).value;
  TableOf<double> table(data.X.data(), data.y.data(), m, 1, true);
  const Whitening whitening = make_whitening(table, {}, {});
  table.centre = whitening.centre.data();
  for (Index i = 1; i < m; ++i) {
    Vertex vertex;
    vertex.basis = {0, i};
    vertex.phi = {0, 0};
    const double slope = (data.y[at(i)] - data.y[0]) / (data.X[at(i)] - data.X[0]);
    for (std::size_t k = 0; k < 40; ++k) {
      const double r = data.y[k] - data.y[0] - slope * (data.X[k] - data.X[0]);
      vertex.signs.push_back(static_cast<std::int8_t>(r > 0 ? 1 : -1));
    }
    vertex.signs[0] = vertex.signs[at(i)] = 0;
    const Certified measured = certify(table, whitening, vertex, {});
    CHECK(measured.value == doctest::Approx(energy(data, m, slope, data.y[0] - slope * data.X[0])).epsilon(1e-13));
    CHECK(measured.value - measured.gap <= best + 1e-15);
    // Wrong signs must not give a smaller gap either.
    vertex.signs[at(i == 7 ? 8 : 7)] *= -1;
    const Certified wrong = certify(table, whitening, vertex, {});
    CHECK(wrong.value - wrong.gap <= best + 1e-15);
    CHECK(wrong.gap > 0);
  }
}

TEST_CASE_TEMPLATE("blocks of columns equal the rows, for every width", T, double, float) {
  using namespace absolute;
  for (Index p = 0; p < 20; ++p) {
    for (const Index m : {1, 63, 64, 65, 128, 130}) {
      Noise noise;
      std::vector<T> X(at(m * p)), y(at(m));  // of exact size, so that a sanitizer detects reads beyond
      std::vector<double> centre(at(p + 1));
      for (T& x : X) x = static_cast<T>(noise());
      for (T& value : y) value = static_cast<T>(noise());
      for (double& c : centre) c = noise();
      const TableOf<T> table(X.data(), y.data(), m, p, p % 2 == 0, centre.data());
      Vec scratch(at(table.scratch())), row(at(table.columns + 1));
      int wrong = 0;
      for (Index b = 0; b < table.blocks(); ++b) {
        const Block block = table.block(b, scratch.data());
        for (Index l = 0; l < kBlock; ++l) {
          const Index i = b * kBlock + l;
          const double target = i < m ? table.row(i, row.data()) : 0;
          wrong += block.y[l] != target ? 1 : 0;
          for (Index j = 0; j < table.columns; ++j)
            wrong += block.x[j * kBlock + l] != (i < m ? row[at(j)] : 0) ? 1 : 0;
        }
      }
      CHECK(wrong == 0);
    }
  }
}
