// Vectors of numbers, as wide as the instruction-set level that this file is compiled for.
//
// GCC's and Clang's vector extensions: +, -, * work on whole vectors and compile for every processor. Functions pass
// vectors by reference, because vectors wider than the registers have no fixed calling convention.
#pragma once

#include <cstdint>
#include <cstring>

#include "pyrometer/base/types.hpp"
#include "pyrometer/base/unaligned.hpp"

namespace pyrometer::base {

/// Bytes of one vector. On processors with 16-byte registers a vector is a pair of registers.
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#else
inline constexpr int kVectorBytes = 32;
#endif

/// Bytes of one register, for kernels whose sums must stay in registers: compilers spill pairs to memory.
#if defined(__AVX__)
inline constexpr int kRegisterBytes = kVectorBytes;
#else
inline constexpr int kRegisterBytes = 16;
#endif

/// Vectors that fit the registers beside a tile's accumulators; see tile.hpp.
#if defined(__AVX__) || defined(__aarch64__)
inline constexpr int kTilePanels = 3;
#else
inline constexpr int kTilePanels = 1;
#endif

template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
using AnyVec = Unaligned<T, kVectorBytes>;
template <class T>
using Vec = typename AnyVec<T>::Vec;

/// Reads kLanes<T> numbers from any address.
template <class T>
[[gnu::always_inline]] inline void load(const T* from, Vec<T>& v) {
  v = reinterpret_cast<const AnyVec<T>*>(from)->v;
}

/// Reads kLanes<double> floats and widens them.
[[gnu::always_inline]] inline void load(const float* from, Vec<double>& v) {
  typedef float Half __attribute__((vector_size(kVectorBytes / 2)));
  Half half;
  std::memcpy(&half, from, sizeof half);
  v = __builtin_convertvector(half, Vec<double>);
}

/// Writes kLanes<T> numbers to any address.
template <class T>
[[gnu::always_inline]] inline void store(T* to, const Vec<T>& v) {
  reinterpret_cast<AnyVec<T>*>(to)->v = v;
}

/// Prefetching into the L2 cache during arithmetic: a tile requests one cache line at each of its steps, `step` bytes
/// apart. A hint only: any address is valid.
struct Ahead {
  std::uintptr_t at = 0;
  std::uintptr_t step = 0;

  [[gnu::always_inline]] void fetch() {
    __builtin_prefetch(reinterpret_cast<const void*>(at), 0, 2);
    at += step;
  }
};

}  // namespace pyrometer::base
