#include <algorithm>
#include <array>
#include <utility>

#include "pyrometer/base/tile.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {
namespace {

using base::Ahead;
constexpr int kL = base::kLanes<double>;
constexpr Index kStride = kBlock * kL;
// Panels of B that stay in the second-level cache while every panel of A passes: 1 MB at AVX-512, half of it below.
constexpr Index kGroup = 64;

using Sweep = void (*)(const double* d, Index depth, double* c, Index ld, Ahead& ahead);

template <int R, int Panels>
void sweep(const double* d, Index depth, double* c, Index ld, Ahead& ahead) {
  base::triangle<R, Panels>(depth, d, kStride, c, ld, ahead);
}

// sweeps[n - 1] makes the triangle of n columns.
template <int... N>
constexpr auto sweeps_of(std::integer_sequence<int, N...>) {
  return std::array<Sweep, sizeof...(N)>{sweep<N % kL + 1, N / kL + 1>...};
}
constexpr auto sweeps = sweeps_of(std::make_integer_sequence<int, 2 * kL>{});

using Tile = void (*)(Index depth, const double* a, const double* b, double* c, Index ld, Ahead& ahead);

template <int NB>
void tile(Index depth, const double* a, const double* b, double* c, Index ld, Ahead& ahead) {
  base::tile<kL, NB>(depth, a, b, kStride, c, ld, ahead);
}

// tiles[n - 1] is n panels wide.
template <int... N>
constexpr auto tiles_of(std::integer_sequence<int, N...>) {
  return std::array<Tile, sizeof...(N)>{tile<N + 1>...};
}
constexpr auto tiles = tiles_of(std::make_integer_sequence<int, base::kTilePanels>{});

// Calls make(i, j, n) for every tile: panel i of A with panels j .. j+n-1 of B, i <= j.
template <class Make>
void for_each_tile(Index count, Make make) {
  for (Index group = 0; group < count; group += kGroup) {
    const Index end = std::min(group + kGroup, count);
    for (Index i = 0; i < end; ++i) {
      Index j = std::max(i, group);
      // As even as possible: a tile of one panel does too little arithmetic for its loads.
      for (Index parts = (end - j + base::kTilePanels - 1) / base::kTilePanels; parts > 0; --parts) {
        const Index n = (end - j + parts - 1) / parts;
        make(i, j, n);
        j += n;
      }
    }
  }
}

}  // namespace

void add_products(const double* d, Index depth, Index columns, double* c, const void* ahead, Index ahead_bytes) {
  Ahead fetch{reinterpret_cast<std::uintptr_t>(ahead), 0};
  const Index ld = padded(columns);
  if (columns <= 2 * kL) {
    fetch.step = static_cast<std::uintptr_t>(ahead_bytes / (2 * depth));
    sweeps[static_cast<std::size_t>(columns - 1)](d, depth, c, ld, fetch);
    return;
  }
  Index number = 0;
  for_each_tile(panels(columns), [&](Index, Index, Index) { ++number; });
  fetch.step = static_cast<std::uintptr_t>(ahead_bytes / (number * depth));
  for_each_tile(panels(columns), [&](Index i, Index j, Index n) {
    tiles[static_cast<std::size_t>(n - 1)](depth, d + i * kStride, d + j * kStride, c + i * kL * ld + j * kL, ld,
                                           fetch);
  });
}

}  // namespace pyrometer::data
