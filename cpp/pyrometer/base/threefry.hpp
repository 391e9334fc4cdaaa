// One block of Threefry-2x64-20, to be inlined into a loop over lanes.
#pragma once

#include <bit>
#include <cstdint>

#if defined(__AVX2__) && !defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace pyrometer::base {

inline std::uint64_t rotate(std::uint64_t word, int bits) { return std::rotl(word, bits); }

#if defined(__AVX2__) && !defined(__AVX512F__)
#define PYROMETER_THREEFRY_LANES
/// Four words. AVX2 has no rotation, but rotating by whole bytes is one shuffle instead of two shifts and an or, which
/// saves a sixth of the time.
using ThreefryLanes = std::uint64_t __attribute__((vector_size(32), may_alias));

inline ThreefryLanes rotate(ThreefryLanes words, int bits) {
  const auto shuffled = [&](long long low, long long high) {
    const __m256i order = _mm256_set_epi64x(high, low, high, low);
    return reinterpret_cast<ThreefryLanes>(_mm256_shuffle_epi8(reinterpret_cast<__m256i>(words), order));
  };
  switch (bits) {  // a constant wherever this is inlined
    case 16:
      return shuffled(0x0504030201000706, 0x0D0C0B0A09080F0E);
    case 24:
      return shuffled(0x0403020100070605, 0x0C0B0A09080F0E0D);
    case 32:
      return reinterpret_cast<ThreefryLanes>(_mm256_shuffle_epi32(reinterpret_cast<__m256i>(words), 0xB1));
    default:
      return (words << bits) | (words >> (64 - bits));
  }
}
#endif

/// Replaces the counter (x, y), of words or of vectors of them, by 128 random bits: 20 rounds of add, rotate, exclusive
/// or, and a key after every fourth.
template <class Words>
inline void threefry_block(std::uint64_t key0, std::uint64_t key1, Words& x, Words& y) {
  const auto round = [&](int bits) {
    x += y;
    y = rotate(y, bits) ^ x;
  };
  const auto rounds_a = [&] { round(16), round(42), round(12), round(31); };
  const auto rounds_b = [&] { round(16), round(32), round(24), round(21); };
  const std::uint64_t key2 = 0x1BD11BDAA9FC1A22 ^ key0 ^ key1;  // the parity word of the Threefish key schedule

  x += key0, y += key1;
  rounds_a(), x += key1, y += key2 + 1;
  rounds_b(), x += key2, y += key0 + 2;
  rounds_a(), x += key0, y += key1 + 3;
  rounds_b(), x += key1, y += key2 + 4;
  rounds_a(), x += key2, y += key0 + 5;
}

}  // namespace pyrometer::base
