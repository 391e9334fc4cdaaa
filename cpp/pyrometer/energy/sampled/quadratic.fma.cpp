#include "pyrometer/energy/sampled/quadratic.hpp"

#include <algorithm>

#include "pyrometer/base/simd.hpp"

namespace pyrometer::energy {
namespace {

typedef double Vec __attribute__((vector_size(base::kRegisterBytes), may_alias));
constexpr int kL = base::kRegisterBytes / static_cast<int>(sizeof(double));

constexpr int kRows = 4;
// 4 x 2 sums keep two fma units of latency 4 busy within 16 registers; wider vectors come with 32.
constexpr int kVectors = kL == 8 ? 4 : 2;
constexpr Index kGroup = kVectors * kL;
static_assert(kTile % kGroup == 0);

Index padded(Index features) { return (features + kRows - 1) / kRows * kRows; }

// Sum over blocks of rows: kRows linear coefficients and kRows for each column from the block's first on.
Index packed_size(Index features) {
  const Index blocks = padded(features) / kRows;
  return kRows * blocks + kRows * kRows * (blocks * (blocks + 1) / 2);
}

}  // namespace

Tile::Tile(Index features) : padded_(padded(features)), values_((padded_ + 1) * kTile) {}

const double* Tile::group(Index g) const { return values_.data() + g * (padded_ + 1) * kGroup; }

void Tile::set_row(Index row, const double (&theta)[kTile]) {
  for (Index g = 0; g < kTile / kGroup; ++g)
    std::copy_n(theta + g * kGroup, kGroup, values_.data() + (g * (padded_ + 1) + row) * kGroup);
}

Index Quadratic::bytes(Index features) {
  return (packed_size(features) + padded(features)) * static_cast<Index>(sizeof(double)) +
         static_cast<Index>(sizeof(Quadratic));
}

Quadratic::Quadratic(double count, const double* mean, const double* scatter, Index features)
    : padded_(padded(features)), mean_target_(mean[features]), mean_(mean, mean + features) {
  const double rows = count;
  const auto c = [&](Index j, Index k) {  // upper triangle, off-diagonals doubled
    if (j >= features || k > features || j > k) return 0.0;
    return (j == k ? 1.0 : 2.0) * (scatter[j * (features + 1) + k] / rows);
  };
  square_target_ = scatter[features * (features + 1) + features] / rows;
  packed_.reserve(at(packed_size(features)));
  for (Index j = 0; j < padded_; j += kRows) {
    for (Index r = 0; r < kRows; ++r) packed_.push_back(-c(j + r, features));
    for (Index k = j; k < padded_; ++k)
      for (Index r = 0; r < kRows; ++r) packed_.push_back(k < features ? c(j + r, k) : 0.0);
  }
}

void Quadratic::evaluate(const Tile& tile, double* values) const {
  for (Index g = 0; g < kTile / kGroup; ++g) {
    const double* theta = tile.group(g);
    const auto vector = [theta](Index j, int v) -> const Vec& {
      return *reinterpret_cast<const Vec*>(theta + j * kGroup + v * kL);
    };
    Vec energy[kVectors], bias[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      energy[v] = square_target_ - Vec{};
      bias[v] = vector(padded_, v) - mean_target_;
    }
    const double* coefficient = packed_.data();
    for (Index j = 0; j < padded_; j += kRows) {
      Vec sum[kRows][kVectors];
      for (int r = 0; r < kRows; ++r, ++coefficient)
        for (int v = 0; v < kVectors; ++v) sum[r][v] = *coefficient - Vec{};
      for (Index k = j; k < padded_; ++k, coefficient += kRows)
        for (int v = 0; v < kVectors; ++v) {
          const Vec t = vector(k, v);
          for (int r = 0; r < kRows; ++r) sum[r][v] += coefficient[r] * t;
        }
      for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v) energy[v] += sum[r][v] * vector(j + r, v);
    }
    const Index features = static_cast<Index>(mean_.size());
    for (Index k = 0; k < features; ++k)
      for (int v = 0; v < kVectors; ++v) bias[v] += mean_[at(k)] * vector(k, v);
    for (int v = 0; v < kVectors; ++v)
      *reinterpret_cast<Vec*>(values + g * kGroup + v * kL) = bias[v] * bias[v] + energy[v];
  }
}

}  // namespace pyrometer::energy
