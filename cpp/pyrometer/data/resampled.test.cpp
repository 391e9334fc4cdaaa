#include "pyrometer/data/resampled.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

using namespace pyrometer;

namespace {

constexpr base::Seed kSeed{3, 5};
constexpr double kApart[9] = {};  // of samples about one centre

// Blocks of `rows` rows of d coordinates, correlated, about `mean`.
struct Sample {
  Sample(Index blocks, Index rows, Index d, double mean, base::Seed seed) : d_(d), rows_(rows) {
    std::vector<double> z(at(blocks * rows * (d + 1)));
    base::normals(seed, 0, blocks * rows, 0, d + 1, z.data());
    const auto element = [&](Index i, Index j) { return z[at(j * blocks * rows + i)]; };
    for (Index b = 0; b < blocks; ++b) {
      std::vector<double> sums(at(data::block_columns(d)));
      for (Index i = b * rows; i < (b + 1) * rows; ++i) {
        std::size_t c = 0;
        const auto coordinate = [&](Index j) { return mean + element(i, j) + 0.5 * element(i, d); };
        sums[c++] += 1;
        sums[c++] += element(i, 0) * element(i, 0);
        sums[c++] += std::abs(element(i, 0));
        for (Index j = 0; j < d; ++j) sums[c++] += coordinate(j);
        for (Index j = 0; j < d; ++j)
          for (Index k = j; k < d; ++k) sums[c++] += coordinate(j) * coordinate(k);
      }
      sums_.insert(sums_.end(), sums.begin(), sums.end());
    }
  }

  [[nodiscard]] Matrix sums() const {
    const Index columns = data::block_columns(d_);
    return {sums_.data(), static_cast<Index>(sums_.size()) / columns, columns};
  }

  Index d_, rows_;
  std::vector<double> sums_;
};

// The multiplicities of the blocks in resample k.
std::vector<double> drawn(Index k, Index first, Index blocks) {
  std::vector<double> uniforms(at(first + blocks)), weights(at(blocks));
  base::uniforms(kSeed, k, 1, 0, first + blocks, uniforms.data());
  for (Index i = first; i < first + blocks; ++i) {
    const auto b = static_cast<std::size_t>(std::floor((uniforms[at(i)] + 0.5) * static_cast<double>(blocks)));
    weights[b] += 1;
  }
  return weights;
}

std::vector<double> weighed(const Matrix& sums, const std::vector<double>& weights) {
  std::vector<double> total(at(sums.cols));
  for (Index b = 0; b < sums.rows; ++b)
    for (Index c = 0; c < sums.cols; ++c) total[at(c)] += weights[at(b)] * sums.row(b)[c];
  return total;
}

}  // namespace

TEST_CASE("the density of a sample of one coordinate is that of its mean and variance") {
  const double sums[] = {4, 8, 2, 4, 20};  // rows, loss, score, z, z z: mean 1, variance 4
  data::BlockState state(1);
  REQUIRE(state.fit(sums, data::Density::normal));
  const double normal = 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * 4);
  CHECK(state.energy == 2);
  CHECK(state.entropy == doctest::Approx(normal).epsilon(1e-14));
  REQUIRE(state.fit(sums, data::Density::laplace));
  CHECK(state.entropy == doctest::Approx(normal + 1 + std::log(2 * 0.5)).epsilon(1e-14));
  REQUIRE(state.fit(sums, data::Density::bernoulli));
  CHECK(state.entropy == doctest::Approx(normal + 0.5).epsilon(1e-14));
  REQUIRE(state.fit(sums, data::Density::scores));
  CHECK(state.entropy == 0.5);
  const double constant[] = {4, 8, 2, 4, 4};
  CHECK_FALSE(state.fit(constant, data::Density::normal));
  CHECK(state.energy == 2);
  CHECK(std::isnan(state.entropy));
  REQUIRE(state.fit(constant, data::Density::normal, data::Least::imposed));
  CHECK(std::isfinite(state.entropy));
  const double none[] = {0, 0, 0, 0, 0};
  CHECK_FALSE(state.fit(none, data::Density::normal));
  CHECK(std::isnan(state.energy));
}

TEST_CASE("samples without coordinates have the entropy of their score") {
  const double sums[] = {4, 8, 2};
  data::BlockState state(0);
  REQUIRE(state.fit(sums, data::Density::normal));
  CHECK(state.entropy == 0);
  REQUIRE(state.fit(sums, data::Density::laplace));
  CHECK(state.entropy == doctest::Approx(1 + std::log(2 * 0.5)).epsilon(1e-14));
  CHECK(data::block_coordinates(3) == 0);
}

TEST_CASE("a sample without a density has an energy, and can be permuted") {
  const Sample a(20, 3, 2, 0, {1, 1});
  std::vector<double> same(2 * 8);                 // two blocks of one row that is the same
  const double row[] = {3, 6, 3, 3, 6, 3, 6, 12};  // z = 1, 2 in each of three rows
  for (std::size_t c = 0; c < 8; ++c) same[c] = same[8 + c] = row[c];
  const Matrix constant{same.data(), 2, 8};
  std::vector<double> out(3 * 101);
  data::redrawn_states(constant, data::Density::normal, kSeed, 0, 1, out.data());
  CHECK(out[0] == 2);
  CHECK(std::isnan(out[1]));
  data::redrawn_shifts(a.sums(), constant, kApart, data::Density::normal, kSeed, 100, 1, out.data());
  for (std::size_t k = 0; k < 101; ++k) {
    CHECK(std::isfinite(out[3 * k]));
    CHECK(std::isnan(out[3 * k + 1]));
    CHECK(std::isnan(out[3 * k + 2]));
  }
  data::dealt_shifts(a.sums(), constant, 20, 2, data::Density::normal, kSeed, 100, 1, out.data());
  for (const double value : out) CHECK(std::isfinite(value));
}

TEST_CASE("a variance that is rounding of the mean square is none") {
  constexpr double z = 0.1;
  for (Index rows = 1; rows <= 1000; ++rows) {
    double sums[] = {static_cast<double>(rows), 0, 0, 0, 0};
    for (Index i = 0; i < rows; ++i) sums[3] += z, sums[4] += z * z;
    data::BlockState state(1);
    CHECK_FALSE(state.fit(sums, data::Density::normal));
    CHECK(std::isnan(state.entropy));
  }
}

TEST_CASE("the divergence of Gaussians of one coordinate agrees with the closed form") {
  data::BlockState old(1), now(1);
  const double first[] = {4, 8, 2, 4, 20}, second[] = {2, 8, 2, 6, 20};  // N(1, 4); N(3, 1), twice the score
  REQUIRE(old.fit(first, data::Density::laplace));
  REQUIRE(now.fit(second, data::Density::laplace));
  double scratch[2];
  const double normal = 0.5 * (1.0 / 4 + 4.0 / 4 - 1 + std::log(4.0));
  CHECK(data::divergence(old, now, data::Density::normal, scratch) == doctest::Approx(normal).epsilon(1e-14));
  CHECK(data::divergence(old, now, data::Density::laplace, scratch) ==
        doctest::Approx(normal + 2 - 1 - std::log(2.0)).epsilon(1e-14));
}

TEST_CASE("samples far apart keep their variances, each about a centre of its own") {
  data::BlockState old(1), now(1);
  const double first[] = {4, 8, 2, 0, 16}, second[] = {2, 8, 2, 0, 2}, apart = 1e9;  // N(0, 4); N(1e9, 1)
  REQUIRE(old.fit(first, data::Density::normal));
  REQUIRE(now.fit(second, data::Density::normal));
  double scratch[2], out[3];
  const double normal = 0.5 * (1.0 / 4 + 1e18 / 4 - 1 + std::log(4.0));
  CHECK(data::divergence(old, now, data::Density::normal, scratch, &apart) == doctest::Approx(normal).epsilon(1e-14));
  data::redrawn_shifts({first, 1, 5}, {second, 1, 5}, &apart, data::Density::normal, kSeed, 0, 1, out);
  CHECK(out[1] == doctest::Approx(-0.5 * std::log(4.0)).epsilon(1e-14));
  CHECK(out[2] == doctest::Approx(normal).epsilon(1e-14));
}

TEST_CASE("resamples equal those computed one by one from their random numbers") {
  for (const Index d : {1, 2, 5, 9}) {
    const Sample a(37, 30, d, 0, {1, 1}), b(23, 30, d, 0.5, {2, 2});
    const Matrix old = a.sums(), now = b.sums();
    constexpr Index kResamples = 70;
    std::vector<double> states(2 * (kResamples + 1)), shifts(3 * (kResamples + 1));
    data::redrawn_states(old, data::Density::normal, kSeed, kResamples, 1, states.data());
    data::redrawn_shifts(old, now, kApart, data::Density::normal, kSeed, kResamples, 1, shifts.data());
    data::BlockState first(d), second(d);
    std::vector<double> scratch(at(d * (d + 1)));
    for (Index k = 0; k <= kResamples; ++k) {
      const std::vector<double> ones(64, 1.0);
      REQUIRE(first.fit(weighed(old, k ? drawn(k - 1, 0, 37) : ones).data(), data::Density::normal));
      REQUIRE(second.fit(weighed(now, k ? drawn(k - 1, 38, 23) : ones).data(), data::Density::normal));
      const auto s = at(k);
      CHECK(states[2 * s] == doctest::Approx(first.energy).epsilon(1e-12));
      CHECK(states[2 * s + 1] == doctest::Approx(first.entropy).epsilon(1e-12));
      CHECK(shifts[3 * s] == doctest::Approx(second.energy - first.energy).epsilon(1e-10));
      CHECK(shifts[3 * s + 1] == doctest::Approx(second.entropy - first.entropy).epsilon(1e-10));
      CHECK(shifts[3 * s + 2] ==
            doctest::Approx(data::divergence(first, second, data::Density::normal, scratch.data())).epsilon(1e-9));
    }
  }
}

TEST_CASE("permutations of few blocks are equally frequent, and the others stay") {
  // Block b has one row of score 2^b, and z = 0, 1, 0, 1 ...: the mean score identifies the blocks of a sample.
  std::vector<double> rows;
  for (int b = 0; b < 8; ++b) {
    for (const double value : {2.0, 0.0, 2 * std::ldexp(1.0, b), 1.0, 1.0}) rows.push_back(value);
  }
  const Matrix old{rows.data(), 5, 5}, now{rows.data() + 25, 3, 5};  // the last of each is kept: 4 and 2 are dealt
  constexpr Index kResamples = 6000;
  std::vector<double> out(3 * (kResamples + 1));
  for (Index i = 0; i < 8; ++i) rows[at(i * 5 + 3)] = i == 4 || i == 7 ? 0 : 1;
  data::dealt_shifts(old, now, 4, 2, data::Density::scores, kSeed, kResamples, 2, out.data());
  std::vector<int> seen(1 << 8);
  for (Index k = 1; k <= kResamples; ++k) {
    // entropy change = (255 - s) / 5 - s / 3, in units of 2^b, with s the sum over the second sample's blocks
    const double change = out[at(3 * k + 1)];
    double found = NAN;
    for (int mask = 0; mask < 256; ++mask)
      if (std::abs(mask / 3.0 - (255 - mask) / 5.0 - change) < 1e-9) found = mask;
    REQUIRE(std::isfinite(found));
    ++seen[static_cast<std::size_t>(found)];
  }
  int kinds = 0;
  for (int mask = 0; mask < 256; ++mask) {
    const int times = seen[at(mask)];
    if (times == 0) continue;
    ++kinds;
    CHECK((mask & 128) != 0);
    CHECK((mask & 16) == 0);
    CHECK(std::abs(times - 400) < 100);  // five standard deviations of a binomial count
  }
  CHECK(kinds == 15);
}

TEST_CASE("the bits do not depend on the number of threads") {
  const Sample a(900, 3, 4, 0, {1, 1}), b(700, 3, 4, 0.1, {2, 2});
  const auto all = [&](int threads) {
    std::vector<double> out(3 * 3 * 1001);
    data::redrawn_shifts(a.sums(), b.sums(), kApart, data::Density::laplace, kSeed, 1000, threads, out.data());
    data::dealt_shifts(a.sums(), b.sums(), 900, 690, data::Density::laplace, kSeed, 1000, threads, out.data() + 3003);
    data::redrawn_states(a.sums(), data::Density::laplace, kSeed, 1000, threads, out.data() + 6006);
    return out;
  };
  const auto one = all(1);
  for (const int threads : {2, 3, 5}) CHECK(all(threads) == one);
}

TEST_CASE("resampling throws for sizes that do not fit") {
  const Sample a(9, 3, 2, 0, {1, 1}), b(9, 3, 3, 0, {1, 1});
  double out[30];
  const auto normal = data::Density::normal;
  CHECK_THROWS_AS(data::redrawn_states(a.sums(), normal, kSeed, -1, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(data::redrawn_states({nullptr, 0, 8}, normal, kSeed, 1, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(data::redrawn_states({out, 1, 7}, normal, kSeed, 1, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(data::redrawn_shifts(a.sums(), b.sums(), kApart, normal, kSeed, 1, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(data::dealt_shifts(a.sums(), a.sums(), 10, 1, normal, kSeed, 1, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(data::density_named("flat")), std::invalid_argument);
}
