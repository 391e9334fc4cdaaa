// The hash of integers that SplitMix64 is made of (Steele, Lea, Flood 2014).
#pragma once

#include <cstdint>

namespace pyrometer::base {

/// The increment of SplitMix64's state: 2^64 over the golden ratio. Output i of seed 0 is mixed((i + 1) * kSplitMix).
inline constexpr std::uint64_t kSplitMix = 0x9E3779B97F4A7C15U;

/// SplitMix64's output function: a bijection, every bit of whose result depends on all bits of x. 8 integer operations.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace pyrometer::base
