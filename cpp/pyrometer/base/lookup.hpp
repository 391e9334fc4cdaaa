// Lane-wise lookup in tables of eight numbers.
//
// One instruction with AVX-512, two and a selection with AVX2; elsewhere lane by lane. The results are exact.
#pragma once

#include "pyrometer/base/simd.hpp"

namespace pyrometer::base {

/// The index of each lane, 0 .. 7.
class Choice {
 public:
  Choice() = default;

  /// The lowest three bits of every lane.
  [[gnu::always_inline]] explicit Choice(const Vec<std::int64_t>& bits) : which_(bits & 7) {
#if defined(__AVX2__) && !defined(__AVX512F__)
    upper_ = which_ > 3;
    // The two halves of each double are permuted separately.
    const Vec<std::int64_t> pair = (which_ & 3) * 2;
    which_ = pair | (pair + 1) << 32;
#endif
  }

  /// number[lane] = table[choice of the lane].
  [[gnu::always_inline]] void of(const double* table, Vec<double>& number) const {
#if defined(__AVX512F__) && !defined(__clang__)
    Vec<double> all;
    load(table, all);
    number = __builtin_shuffle(all, which_);
#elif defined(__AVX2__) && !defined(__AVX512F__)
    Vec<float> low, high;
    std::memcpy(&low, table, sizeof low);
    std::memcpy(&high, table + 4, sizeof high);
    low = __builtin_ia32_permvarsf256(low, reinterpret_cast<Vec<std::int32_t>>(which_));
    high = __builtin_ia32_permvarsf256(high, reinterpret_cast<Vec<std::int32_t>>(which_));
    number = upper_ ? reinterpret_cast<Vec<double>>(high) : reinterpret_cast<Vec<double>>(low);
#else
    for (int lane = 0; lane < kLanes<double>; ++lane) number[lane] = table[which_[lane]];
#endif
  }

 private:
  Vec<std::int64_t> which_;
#if defined(__AVX2__) && !defined(__AVX512F__)
  Vec<std::int64_t> upper_;
#endif
};

}  // namespace pyrometer::base
