#include "pyrometer/minimum/absolute/scaled.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "pyrometer/minimum/absolute/least_absolute.hpp"

namespace {

using namespace pyrometer;
using namespace pyrometer::minimum;
using absolute::Vec;

struct Draws {
  std::uint64_t state;
  // In (-1, 1).
  double operator()() {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<double>(static_cast<std::int64_t>(state)) * 0x1p-63;
  }
};

struct Result {
  double value = -1, gap = -1;
  Vec theta;
  Index rank = -1;
  std::string message;

  [[nodiscard]] bool answered() const {
    bool all = std::isfinite(value) && std::isfinite(gap) && value >= 0 && gap >= 0;
    for (const double t : theta) all = all && std::isfinite(t);
    return all;
  }
};

Result solve(const Vec& X, const Vec& y, Index p, bool intercept = true) {
  Result result;
  result.theta.assign(at(p + (intercept ? 1 : 0)), std::numeric_limits<double>::quiet_NaN());
  try {
    least_absolute(X.data(), y.data(), 1, static_cast<Index>(y.size()), p, intercept, 1, &result.value,
                   result.theta.data(), &result.gap, &result.rank);
  } catch (const std::invalid_argument& error) {
    result.message = error.what();
  }
  return result;
}

}  // namespace

TEST_CASE("least absolute deviations: parameters beyond the range of a double throw, naming the column") {
  const Result result = solve({1e-300, 2e-300, 4e-300}, {1e10, 2e10, 3e10}, 1);
  CHECK(result.message.find("about 10^310 for the parameter of column 0") != std::string::npos);
  const Result subnormal = solve({1e-320, 2e-320, 4e-320}, {1, 2, 3}, 1);
  CHECK(subnormal.message.find("10^320") != std::string::npos);
}

TEST_CASE("least absolute deviations: sizes at the limits of a double give the minimum") {
  const Result plain = solve({1, 2, 4}, {1, -1, 1}, 1);
  for (const double unit : {1e308, 1e300, 1e200, 1e-200, 1e-300, 1e-307}) {
    const Result large = solve({1, 2, 4}, {unit, -unit, unit}, 1);
    CHECK(large.value == doctest::Approx(unit * plain.value).epsilon(1e-14));
    CHECK(large.gap <= 1e-13 * large.value);
    const Result both = solve({unit, 2 * (unit / 2), unit / 4}, {unit, -unit, unit / 8}, 1, false);
    CHECK(both.value == doctest::Approx(unit * solve({1, 1, .25}, {1, -1, .125}, 1, false).value).epsilon(1e-14));
    CHECK(both.gap <= 1e-13 * both.value);
  }
  // For subnormal numbers the gap is a few units in the last place.
  const Result tiny = solve({1, 2, 4}, {0x1p-1060, -0x1p-1060, 0x1p-1060}, 1);
  CHECK(std::abs(tiny.value - plain.value * 0x1p-1060) <= tiny.gap);
  CHECK(tiny.gap <= 16 * 0x1p-1074);
}

TEST_CASE("least absolute deviations: sums over many rows that overflow") {
  Draws draw{1};
  Vec X(200000), y(X.size()), small(X.size());
  for (std::size_t i = 0; i < X.size(); ++i) {
    X[i] = draw();
    small[i] = draw() + X[i];
    y[i] = std::ldexp(small[i], 1022);
  }
  const Result result = solve(X, y, 1), plain = solve(X, small, 1);
  CHECK(result.value == doctest::Approx(std::ldexp(plain.value, 1022)).epsilon(1e-12));
  CHECK(result.gap <= 1e-12 * result.value);
}

TEST_CASE("least absolute deviations: one row of extreme size among many, in the sample or not") {
  for (const double size : {1e160, 1e250, 1.7e308}) {
    for (Index row = 0; row < 3000; row += 211) {
      Draws draw{static_cast<std::uint64_t>(row + 1)};
      Vec X(6000), y(3000);
      for (double& x : X) x = draw();
      for (double& value : y) value = draw();
      X[at(2 * row)] = size;
      y[at(2999 - row)] = -size;
      const Result result = solve(X, y, 2);
      CHECK_MESSAGE(result.answered(), result.message);
      CHECK(result.value <= size / 3000 * (1 + 1e-12));
      CHECK(result.gap <= 1e-12 * result.value);
    }
  }
}

TEST_CASE("least absolute deviations: scaling by powers of two changes units only") {
  Draws draw{7};
  for (int round = 0; round < 300; ++round) {
    const Index m = 3 + round % 40, p = 1 + round % 3;
    Vec X(at(m * p)), y(at(m)), other_X, other_y;
    for (double& x : X) x = draw();
    for (double& value : y) value = draw();
    const int of_y = static_cast<int>(900 * draw());
    int of_x[3];
    for (int& power : of_x) power = static_cast<int>(1000 * draw());
    for (std::size_t i = 0; i < X.size(); ++i) other_X.push_back(std::ldexp(X[i], of_x[static_cast<Index>(i) % p]));
    for (const double value : y) other_y.push_back(std::ldexp(value, of_y));
    const Result plain = solve(X, y, p), other = solve(other_X, other_y, p);
    if (!other.message.empty()) {
      CHECK(other.message.find("range of a double") != std::string::npos);
      continue;
    }
    CHECK(std::abs(std::ldexp(other.value, -of_y) - plain.value) <= 1e-12 * plain.value + std::ldexp(other.gap, -of_y));
    CHECK(other.rank == plain.rank);
  }
}

TEST_CASE("least absolute deviations: any finite doubles give a result or std::invalid_argument") {
  Draws draw{11};
  int solved = 0;
  for (int round = 0; round < 1500; ++round) {
    const Index m = round % 100 == 0 ? 20000 : 1 + round % 9, p = round % 4;
    const bool intercept = p == 0 || round % 3 != 0;
    Vec X(at(m * p)), y(at(m)), powers(at(p + 1));
    for (double& power : powers) power = 310 * draw() - 5;
    const auto drawn = [&](Index column) {
      const double power = round % 5 == 0 ? 308 * draw() : powers[at(column)];
      const double value = (std::round(6 * draw()) / 3 + (round % 2) * draw()) * std::pow(10.0, power);
      return std::isfinite(value) ? value : 1.7e308;
    };
    for (std::size_t i = 0; i < X.size(); ++i) X[i] = drawn(static_cast<Index>(i) % p);
    for (double& value : y) value = drawn(p);
    const Result result = solve(X, y, p, intercept);
    if (result.message.empty()) {
      CHECK(result.answered());
      ++solved;
    } else {
      CHECK(result.message.find("range of a double") != std::string::npos);
    }
  }
  CHECK(solved > 1000);
}
