// The expectation of ln sum_c e^{s Z_c} over independent normal variables, to full double precision.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// Lambda_C(s) = E ln(e^{s Z_1} + ... + e^{s Z_C}), Z_c independent standard normal: the mean of the softmax cross
/// entropy of C logits of standard deviation s. One object serves all s of its C.
///
///     (s + c) P(v),  v = s / (s + c),  c = 5/2:  one polynomial of degree 19 for each eighth of v in [0, 1]
///
/// interpolates, at Chebyshev points, the mean of the maximum of s Z_c + g_c with standard Gumbel g_c, less Euler's
/// constant: with F the distribution function of one of them, 1 - F a trapezoidal sum over z (s < 1) or g (s >= 1),
///
///     ln C + int [exp(-C e^u) - F(-u)^C] du   (s < 1),    -0.577... + int [1(y > 0) - F(y)^C] dy   (s >= 1).
///
/// For C = 2 it is E ln(1 + e^{sqrt(2) s Z}) of expectation.hpp.
class LogSumExp {
 public:
  static constexpr Index kMostClasses = 1 << 20;

  /// The table for `classes`, 2 .. kMostClasses; made at the first call, in 50 ms (C = 10), and kept for the life of
  /// the process. Throws std::invalid_argument for other numbers. Thread-safe.
  static const LogSumExp& of(Index classes);

  /// Lambda_C(s_i) for each i.
  ///
  /// s      not negative, finite.
  /// value  out, may be s; relative error below 4e-15 (C <= 1000), 2e-14 (C <= kMostClasses); not less than ln C.
  /// slope  out, of the size of s, or empty: s times the derivative in s; relative error below 1e-13, 1e-12.
  ///
  /// Branch-free: the bits of an element are independent of the batch and of slopes. Serial. Cost of an element: a
  /// division, 44 flops, 20 numbers of a table of 1.3 kB; the same again for the slope.
  void operator()(Vector s, MutableVector value, MutableVector slope) const;

  /// E max(Z_1, ..., Z_C): the limit of Lambda_C(s) / s and of its derivative when s grows. Relative error below 4e-15.
  [[nodiscard]] double maximum() const { return maximum_; }

  explicit LogSumExp(Index classes);

 private:
  static constexpr std::size_t kTerms = 20;
  static constexpr double kCentre = 2.5;  // s at v = 1/2

  Index classes_;
  double maximum_ = 0;
  alignas(64) double value_[kTerms][8]{}, slope_[kTerms][8]{};
};

}  // namespace pyrometer::energy
