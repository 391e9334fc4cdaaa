// Transposition of small squares in registers.
#pragma once

namespace pyrometer::base {

/// Transposes a[l][k], four vectors of four numbers; eight shuffles.
template <class Four>
[[gnu::always_inline]] inline void transpose(Four (&a)[4]) {
  const Four low = __builtin_shufflevector(a[0], a[1], 0, 4, 2, 6),
             high = __builtin_shufflevector(a[0], a[1], 1, 5, 3, 7);
  const Four low2 = __builtin_shufflevector(a[2], a[3], 0, 4, 2, 6),
             high2 = __builtin_shufflevector(a[2], a[3], 1, 5, 3, 7);
  a[0] = __builtin_shufflevector(low, low2, 0, 1, 4, 5);
  a[1] = __builtin_shufflevector(high, high2, 0, 1, 4, 5);
  a[2] = __builtin_shufflevector(low, low2, 2, 3, 6, 7);
  a[3] = __builtin_shufflevector(high, high2, 2, 3, 6, 7);
}

}  // namespace pyrometer::base
