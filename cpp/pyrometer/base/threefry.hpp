// One block of Threefry-2x64-20, to be inlined into a loop over lanes.
#pragma once

#include <bit>
#include <cstdint>

namespace pyrometer::base {

/// Replaces the counter (x, y) by 128 random bits: 20 rounds of add, rotate, exclusive or, and a key in every fourth.
inline void threefry_block(std::uint64_t key0, std::uint64_t key1, std::uint64_t& x, std::uint64_t& y) {
  const auto round = [&](int bits) {
    x += y;
    y = std::rotl(y, bits) ^ x;
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
