// Transposes 64 rows to columns, in registers, one square tile at a time.
#include <cmath>

#include "pyrometer/base/unaligned.hpp"
#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {
namespace {

#if defined(__AVX512F__)
constexpr Index kTile = 8;
#else
constexpr Index kTile = 4;
#endif

using AnyRow = base::Unaligned<double, kTile * 8>;
using AnyHalf = base::Unaligned<float, kTile * 4>;
using Row = AnyRow::Vec;

inline void load(const double* from, Row& row) { row = reinterpret_cast<const AnyRow*>(from)->v; }
inline void load(const float* from, Row& row) {
  row = __builtin_convertvector(reinterpret_cast<const AnyHalf*>(from)->v, Row);
}
inline void store(double* to, const Row& row) { reinterpret_cast<AnyRow*>(to)->v = row; }

// Transposes columns 0 .. columns-1 of the tile at `from` to to[j * kBlock], minus their centres.
template <class T>
inline void turn(const T* from, Index stride, const Row& centre, Index columns, double* to) {
  Row a[kTile], b[kTile];
  for (Index i = 0; i < kTile; ++i) {
    load(from + i * stride, a[i]);
    a[i] -= centre;
  }
#if defined(__AVX512F__)
  for (Index i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (const Index i : {0, 1, 4, 5}) {
    a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    a[i + 2] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (Index i = 0; i < 4; ++i) {
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#else
  for (Index i = 0; i < 4; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 4, 2, 6);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 5, 3, 7);
  }
  for (Index i = 0; i < 2; ++i) {
    a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 4, 5);
    a[i + 2] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 6, 7);
  }
  for (Index i = 0; i < 4; ++i) b[i] = a[i];
#endif
  for (Index j = 0; j < kTile; ++j)
    if (j < columns) store(to + j * kBlock, b[j]);
}

}  // namespace

template <class T>
Block TableOf<T>::block(Index b, double* scratch) const {
  const Index first = b * kBlock, used = std::min(kBlock, count - first), p = features;
  double* y = scratch + columns * kBlock;
  if (used < kBlock) std::fill(scratch, scratch + (columns + 1) * kBlock, 0.0);
  const T* from = X + first * p;
  // A tile reads kTile numbers of a row, so for narrower rows part of the next one, which the last row does not have.
  const bool tiles = used == kBlock && (p >= kTile || (first + kBlock) * p + kTile <= count * p);
  if (tiles) {
    for (Index j = 0; j < p; j += kTile) {
      const Index start = p >= kTile ? std::min(j, p - kTile) : 0;
      Row middle{};
      for (Index k = 0; k < std::min(kTile, p); ++k) middle[k] = centre[start + k];
      for (Index l = 0; l < kBlock; l += kTile)
        turn(from + l * p + start, p, middle, std::min(kTile, p), scratch + start * kBlock + l);
    }
  } else {
    for (Index l = 0; l < used; ++l)
      for (Index j = 0; j < p; ++j) scratch[j * kBlock + l] = static_cast<double>(from[l * p + j]) - centre[j];
  }
  if (intercept)
    for (Index l = 0; l < used; ++l) scratch[p * kBlock + l] = 1;
  for (Index l = 0; l < used; ++l) y[l] = static_cast<double>(target[first + l]) - centre[p];
  return {scratch, y};
}

template <class T>
bool TableOf<T>::exact(Index begin, Index end) const {
  const auto lost = [](double value, double less) { return std::abs(rounding_of_difference(value, less)); };
  double sum = 0;
  for (Index i = begin; i < end; ++i) {
    for (Index j = 0; j < features; ++j) sum += lost(static_cast<double>(X[i * features + j]), centre[j]);
    sum += lost(static_cast<double>(target[i]), centre[features]);
  }
  return sum == 0;
}

template <class T>
void TableOf<T>::prefetch(Index i) const {
  const char* from = reinterpret_cast<const char*>(X + i * features);
  const Index bytes = features * static_cast<Index>(sizeof(T));
  for (Index b = 0; bytes > 0 && b < bytes + 63; b += 64) __builtin_prefetch(from + std::min(b, bytes - 1));
  __builtin_prefetch(target + i);
}

template struct TableOf<double>;
template struct TableOf<float>;

}  // namespace pyrometer::minimum::absolute
