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
// Panels of B that stay in the L2 cache while all panels of A are streamed: 768 KB at AVX-512, half of it otherwise.
constexpr Index kGroup = 96;

using Sweep = void (*)(const double* d, Index depth, double* c, Index ld, Ahead& ahead);

template <int R, int Panels>
void sweep(const double* d, Index depth, double* c, Index ld, Ahead& ahead) {
  base::triangle<R, Panels>(depth, d, kStride, c, ld, ahead);
}

// sweeps[n - 1] computes the triangle of n columns.
template <int... N>
constexpr auto sweeps_of(std::integer_sequence<int, N...>) {
  return std::array<Sweep, sizeof...(N)>{sweep<N % kL + 1, N / kL + 1>...};
}
constexpr auto sweeps = sweeps_of(std::make_integer_sequence<int, 2 * kL>{});

using Tile = void (*)(Index depth, const double* a, const double* b, double* c, Index ld, Ahead& ahead);

template <int R, int Panels>
void tile(Index depth, const double* a, const double* b, double* c, Index ld, Ahead& ahead) {
  base::tile<R, Panels>(depth, a, b, kStride, c, ld, ahead);
}

// tiles[(r - 1) * kTilePanels + n - 1] is r rows high and n panels wide.
template <int... N>
constexpr auto tiles_of(std::integer_sequence<int, N...>) {
  return std::array<Tile, sizeof...(N)>{tile<N / base::kTilePanels + 1, N % base::kTilePanels + 1>...};
}
constexpr auto tiles = tiles_of(std::make_integer_sequence<int, kL * base::kTilePanels>{});

// Calls make(j, n) for groups of panels j .. j+n-1 that cover begin .. end-1, of sizes as equal as possible, because a
// tile of one panel is limited by its loads.
template <class Make>
void split(Index begin, Index end, Make make) {
  for (Index parts = (end - begin + base::kTilePanels - 1) / base::kTilePanels; parts > 0; --parts) {
    const Index n = (end - begin + parts - 1) / parts;
    make(begin, n);
    begin += n;
  }
}

// Calls make(r, i, j, n) for every tile: r columns of panel i of A with panels j .. j+n-1 of B. Full panels i <= j; a
// incomplete last panel is always an A, where missing columns cost nothing.
template <class Make>
void for_each_tile(Index columns, Make make) {
  const Index full = columns / kL, rest = columns % kL;
  for (Index group = 0; group < full; group += kGroup) {
    const Index end = std::min(group + kGroup, full);
    for (Index i = 0; i < end; ++i) {
      split(std::max(i, group), end, [&](Index j, Index n) { make(kL, i, j, n); });
    }
    if (rest) split(group, end, [&](Index j, Index n) { make(rest, full, j, n); });
  }
  if (rest) make(rest, full, full, 1);
}

// The rows computed from the diagonal on; the others are computed completely.
Index upper_rows(Index columns) {
  if (columns > kL && columns <= 2 * kL) return kL;
  return columns / kL * kL;
}

}  // namespace

void add_products(const double* d, Index depth, Index columns, double* c, const void* ahead, Index ahead_bytes) {
  Ahead fetch{reinterpret_cast<std::uintptr_t>(ahead), 0};
  const Index ld = padded(columns);
  if (columns <= 2 * kL) {
    fetch.step = static_cast<std::uintptr_t>(ahead_bytes / (2 * depth));
    sweeps[at(columns - 1)](d, depth, c, ld, fetch);
    return;
  }
  Index number = 0;
  for_each_tile(columns, [&](Index, Index, Index, Index) { ++number; });
  fetch.step = static_cast<std::uintptr_t>(ahead_bytes / (number * depth));
  for_each_tile(columns, [&](Index r, Index i, Index j, Index n) {
    const auto make = tiles[at((r - 1) * base::kTilePanels + n - 1)];
    make(depth, d + i * kStride, d + j * kStride, c + i * kL * ld + j * kL, ld, fetch);
  });
}

void add_products_single(const double* d, Index depth, Index columns, float* single, float* c) {
  typedef float Half __attribute__((vector_size(base::kVectorBytes / 2)));
  constexpr Index kFloats = base::kLanes<float>, kSingle = kBlock * kFloats;
  const Index ld = padded_single(columns), number = ld / kFloats;
  // Half a panel of floats is a panel of doubles; the last half may be empty.
  for (Index n = 0; n < 2 * number; ++n)
    for (Index k = 0; k < depth; ++k) {
      base::Vec<double> v{};
      if (n < panels(columns)) base::load(d + n * kStride + k * kL, v);
      reinterpret_cast<base::Unaligned<float, base::kVectorBytes / 2>*>(single + n / 2 * kSingle + k * kFloats +
                                                                        n % 2 * kL)
          ->v = __builtin_convertvector(v, Half);
    }
  Ahead none{};
  for (Index row = 0; row < columns; row += kL) {
    const Index i = row / kFloats;
    split(i, number, [&](Index j, Index n) {
      const float *a = single + i * kSingle + row % kFloats, *b = single + j * kSingle;
      float* const to = c + row * ld + j * kFloats;
      if (n == 1)
        base::tile<kL, 1>(depth, a, b, kSingle, to, ld, none);
      else if constexpr (base::kTilePanels > 1)
        (n == 2 ? base::tile<kL, 2, float> : base::tile<kL, base::kTilePanels, float>)(depth, a, b, kSingle, to, ld,
                                                                                       none);
    });
  }
}

void start_products(Index columns, double* c) {
  const Index ld = padded(columns), full = upper_rows(columns);
  for (Index i = 0; i < ld; ++i) std::fill(c + i * ld + (i < full ? i / kL * kL : 0), c + (i + 1) * ld, 0.0);
}

void finish_products(Index columns, double* c) {
  const Index ld = padded(columns), full = upper_rows(columns);
  for (Index i = full; i < columns; ++i) {
    for (Index j = 0; j < full; ++j) c[j * ld + i] = c[i * ld + j];
  }
}

}  // namespace pyrometer::data
