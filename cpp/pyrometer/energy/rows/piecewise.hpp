// Polynomials on eight intervals of equal length, one number in each lane.
#pragma once

#include <cstddef>

#include "pyrometer/base/lookup.hpp"

namespace pyrometer::energy {

/// The unit interval of x in [0, 8], and u in [-1, 1] within it. Of any other x the interval is one of the eight.
class Place {
 public:
  [[gnu::always_inline]] explicit Place(const base::Vec<double>& x) {
    constexpr double kMagic = 0x1.8p52;  // adding it rounds to an integer in the lowest bits
    base::Vec<double> bias = x - 0.5;
    bias = (bias < 7.25 ? bias : 7.25 - base::Vec<double>{}) + kMagic;
    interval_ = base::Choice(reinterpret_cast<base::Vec<std::int64_t>>(bias));
    u_ = 2.0 * (x - (bias - kMagic)) - 1.0;
  }

  /// sum_k table[k][interval] u^k, in two chains of the even and the odd powers: half the latency of Horner's rule.
  template <std::size_t N>
  [[gnu::always_inline]] void polynomial(const double (&table)[N][8], base::Vec<double>& value) const {
    static_assert(N % 2 == 0);
    const base::Vec<double> w = u_ * u_;
    base::Vec<double> even, odd, c;
    interval_.of(table[N - 2], even);
    interval_.of(table[N - 1], odd);
#pragma GCC unroll 16
    for (std::size_t k = N - 2; k >= 2; k -= 2) {
      interval_.of(table[k - 2], c);
      even = even * w + c;
      interval_.of(table[k - 1], c);
      odd = odd * w + c;
    }
    value = even + u_ * odd;
  }

 private:
  base::Choice interval_;
  base::Vec<double> u_;
};

}  // namespace pyrometer::energy
