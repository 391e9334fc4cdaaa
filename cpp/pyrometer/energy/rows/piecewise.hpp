// Polynomials on eight intervals of equal length, one number in each lane.
#pragma once

#include <algorithm>
#include <cstddef>

#include "pyrometer/base/lookup.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// Vectors at a time: the chains of two hide the latency of each other, where there are registers for them.
inline constexpr std::size_t kPlaces = base::kVectorBytes == 64 ? 2 : 1;
using Places = base::Vec<double>[kPlaces];

/// The unit interval of x in [0, 8], and u in [-1, 1] within it. Of any other x the interval is one of the eight.
class Place {
 public:
  [[gnu::always_inline]] explicit Place(const Places& x) {
    constexpr double kMagic = 0x1.8p52;  // adding it rounds to an integer in the lowest bits
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) {
      base::Vec<double> bias = x[i] - 0.5;
      bias = (bias < 7.25 ? bias : 7.25 - base::Vec<double>{}) + kMagic;
      interval_[i] = base::Choice(reinterpret_cast<base::Vec<std::int64_t>>(bias));
      u_[i] = 2.0 * (x[i] - (bias - kMagic)) - 1.0;
    }
  }

  /// sum_k table[k][interval] u^k, in two chains of the even and the odd powers: half the latency of Horner's rule.
  template <std::size_t N>
  [[gnu::always_inline]] void polynomial(const double (&table)[N][8], Places& value) const {
    static_assert(N % 2 == 0);
    Places even, odd, w;
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) {
      w[i] = u_[i] * u_[i];
      interval_[i].of(table[N - 2], even[i]);
      interval_[i].of(table[N - 1], odd[i]);
    }
#pragma GCC unroll 16
    for (std::size_t k = N - 2; k >= 2; k -= 2) {
#pragma GCC unroll 2
      for (std::size_t i = 0; i < kPlaces; ++i) {
        base::Vec<double> c;
        interval_[i].of(table[k - 2], c);
        even[i] = even[i] * w[i] + c;
        interval_[i].of(table[k - 1], c);
        odd[i] = odd[i] * w[i] + c;
      }
    }
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) value[i] = even[i] + u_[i] * odd[i];
  }

 private:
  base::Choice interval_[kPlaces];
  Places u_;
};

/// (s + c) P(v), v = s / (s + c), and as a slope s v Q(v): P and Q by eighths of [0, 1].
template <std::size_t N, std::size_t M>
struct OfQuotient {
  const double (&values)[N][8];
  const double (&slopes)[M][8];
  double c;

  template <bool kSlope>
  [[gnu::always_inline]] void apply(const Places&, const Places& s, Places& value, Places& slope) const {
    Places sum, v, x;
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) {
      sum[i] = s[i] + c, v[i] = s[i] / sum[i];
      x[i] = 8.0 * v[i];
    }
    const Place place(x);
    place.polynomial(values, value);
    if constexpr (kSlope) place.polynomial(slopes, slope);
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) {
      value[i] *= sum[i];
      if constexpr (kSlope) slope[i] *= s[i] * v[i];
    }
  }
};
// Clang 16 does not deduce the arguments of an aggregate.
template <std::size_t N, std::size_t M>
OfQuotient(const double (&)[N][8], const double (&)[M][8], double) -> OfQuotient<N, M>;

/// loss.apply() of kPlaces vectors.
template <bool kSlope, class Loss>
[[gnu::always_inline]] inline void apply_at(const Loss& loss, const double* y, const double* s, double* value,
                                            double* slope) {
  constexpr std::size_t kLanes = base::kLanes<double>;
  Places target, deviation, mean, derivative;
#pragma GCC unroll 2
  for (std::size_t i = 0; i < kPlaces; ++i) {
    base::load(y + i * kLanes, target[i]);
    base::load(s + i * kLanes, deviation[i]);
  }
  loss.template apply<kSlope>(target, deviation, mean, derivative);
#pragma GCC unroll 2
  for (std::size_t i = 0; i < kPlaces; ++i) {
    base::store<double>(value + i * kLanes, mean[i]);
    if constexpr (kSlope) base::store<double>(slope + i * kLanes, derivative[i]);
  }
}

template <bool kSlope, class Loss>
void apply_to_all(const Loss& loss, Vector y, Vector s, double* value, double* slope) {
  constexpr std::size_t kStep = kPlaces * base::kLanes<double>;
  const std::size_t count = s.size();
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep)
    apply_at<kSlope>(loss, y.data() + i, s.data() + i, value + i, kSlope ? slope + i : nullptr);
  if (i == count) return;
  double rest[4][kStep]{};
  std::copy(y.data() + i, y.data() + count, rest[0]);
  std::copy(s.data() + i, s.data() + count, rest[1]);
  apply_at<kSlope>(loss, rest[0], rest[1], rest[2], rest[3]);
  std::copy_n(rest[2], count - i, value + i);
  if constexpr (kSlope) std::copy_n(rest[3], count - i, slope + i);
}

/// value and, unless it is empty, slope of every element of y and s, of one size.
template <class Loss>
void for_each_place(const Loss& loss, Vector y, Vector s, MutableVector value, MutableVector slope) {
  if (slope.empty())
    apply_to_all<false>(loss, y, s, value.data(), nullptr);
  else
    apply_to_all<true>(loss, y, s, value.data(), slope.data());
}

}  // namespace pyrometer::energy
