#include "pyrometer/base/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace pyrometer;
using base::Seed;

namespace {

using Fill = void (*)(Seed, Index, Index, Index, Index, double*);
using FillSingle = void (*)(Seed, Index, Index, Index, Index, float*);

template <class T, class Function>
std::vector<T> filled(Function fill, Index first_draw, Index draws, Index first_parameter, Index parameters) {
  std::vector<T> out(at(draws * parameters));
  fill({1, 2}, first_draw, draws, first_parameter, parameters, out.data());
  return out;
}

// Every window of (draws, parameters) must equal that part of the largest one.
template <class T, class Function>
void check_windows(Function fill) {
  constexpr Index kDraws = 200, kParameters = 14;
  const auto all = filled<T>(fill, 0, kDraws, 0, kParameters);
  for (const Index draws : {1, 3, 63, 64, 65, 128, 130})
    for (const Index first_draw : {0, 1, 64})
      for (const Index first_parameter : {0, 2, 4, 6})
        for (const Index parameters : {1, 2, 3, 5, 8}) {
          const auto window = filled<T>(fill, first_draw, draws, first_parameter, parameters);
          bool same = true;
          for (Index j = 0; j < parameters; ++j)
            for (Index k = 0; k < draws; ++k)
              same &= window[at(j * draws + k)] == all[at((first_parameter + j) * kDraws + first_draw + k)];
          CHECK(same);
        }
}

}  // namespace

TEST_CASE("threefry gives the published test vectors") {
  using Pair = std::array<std::uint64_t, 2>;
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  CHECK(base::threefry({0, 0}, {0, 0}) == Pair{0xc2b6e3a8c2c69865, 0x6f81ed42f350084d});
  CHECK(base::threefry({kOnes, kOnes}, {kOnes, kOnes}) == Pair{0xe02cb7c4d95d277a, 0xd06633d0893b8b68});
  CHECK(base::threefry({0xa4093822299f31d0, 0x082efa98ec4e6c89}, {0x243f6a8885a308d3, 0x13198a2e03707344}) ==
        Pair{0x263c7d30bb0f0af1, 0x56be8361d3311526});
}

TEST_CASE("a number depends on its draw and parameter only") {
  check_windows<double>(static_cast<Fill>(base::normals));
  check_windows<float>(static_cast<FillSingle>(base::normals));
  check_windows<double>(static_cast<Fill>(base::uniforms));
  check_windows<float>(static_cast<FillSingle>(base::uniforms));
}

TEST_CASE("normals are Box-Muller of the block at (draw, parameter / 2), to a few units in the last place") {
  constexpr Index kDraws = 20000;
  const auto z = filled<double>(static_cast<Fill>(base::normals), 0, kDraws, 6, 2);
  long double worst = 0;
  for (Index k = 0; k < kDraws; ++k) {
    const auto [x, y] = base::threefry({1, 2}, {static_cast<std::uint64_t>(k), 3});
    const long double u = (static_cast<long double>(x >> 12) + 0.5L) * 0x1p-52L;
    const long double t = static_cast<long double>((y >> 12) | 1) * 0x1p-52L - 0.5L;
    const long double radius = std::sqrt(-2 * std::log(u)), angle = t * std::numbers::pi_v<long double> / 2;
    long double pair[2] = {radius * std::cos(angle), radius * std::sin(angle)};
    if (y & 2) pair[0] = -pair[0];
    if (y & 1) std::swap(pair[0], pair[1]);
    for (Index j = 0; j < 2; ++j) {
      const double got = z[at(j * kDraws + k)];
      worst = std::max(worst, std::abs((got - pair[j]) / pair[j]) / std::numeric_limits<double>::epsilon());
    }
  }
  MESSAGE("largest relative error in units of 2^-52: " << static_cast<double>(worst));
  CHECK(worst < 4);
}

TEST_CASE("violated preconditions throw") {
  double out[8];
  CHECK_THROWS_AS(base::normals({}, 0, 1, 1, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(base::normals({}, -1, 1, 0, 1, out), std::invalid_argument);
  CHECK_THROWS_AS(base::uniforms({}, 0, -1, 0, 1, out), std::invalid_argument);
  CHECK_NOTHROW(base::uniforms({}, 0, 0, 0, 1, static_cast<double*>(nullptr)));
}
