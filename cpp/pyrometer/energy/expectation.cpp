#include "pyrometer/energy/expectation.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

#include "pyrometer/energy/expectation_tables.hpp"

namespace pyrometer::energy {
namespace {

using namespace tables;

constexpr double kInvSqrt2Pi = 0.39894228040143267794;

// Two chains of the even and the odd powers: half the latency of Horner's rule.
template <std::size_t N>
double polynomial(const double (&c)[N], double u) {
  static_assert(N % 2 == 0);
  const double w = u * u;
  double even = c[N - 2], odd = c[N - 1];
  for (std::size_t k = N - 2; k >= 2; k -= 2) {
    even = even * w + c[k - 2];
    odd = odd * w + c[k - 1];
  }
  return even + u * odd;
}

// The polynomial and its derivative in u.
template <std::size_t N>
ValueAndSlope with_derivative(const double (&c)[N], double u) {
  double value = c[N - 1], derivative = 0;
  for (std::size_t k = N - 1; k-- > 0;) {
    derivative = derivative * u + value;
    value = value * u + c[k];
  }
  return {value, derivative};
}

template <std::size_t N>
double power_series(const double (&c)[N], double w) {
  double sum = c[N - 1];
  for (std::size_t k = N - 1; k-- > 0;) sum = sum * w + c[k];
  return sum;
}

inline double softplus_of(double s) {
  if (s < 0.0625) return power_series(kSoftplusSmall[0], s * s);
  if (s >= 32.0) {
    const double r = 1.0 / s;
    return s * kInvSqrt2Pi + r * power_series(kSoftplusLarge[0], r * r);
  }
  // s = 2^k m with 1 <= m < 2: the octave from the exponent, u in [-1, 1) from the mantissa.
  const auto bits = std::bit_cast<std::uint64_t>(s);
  const auto octave = static_cast<std::size_t>((bits >> 52) - (1023 - 4));
  const double m = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
  return polynomial(kSoftplus[octave], 2.0 * m - 3.0);
}

inline double folded_of(double y, double s) {
  const double a = std::fabs(y);
  // Also true where s = 0 or a / s would overflow.
  if (!(a < 9.0 * s)) return a;
  const double t = a / s;
  const double floor = std::floor(t);
  return s * polynomial(kFolded[static_cast<std::size_t>(floor < 8.0 ? floor : 8.0)], 2.0 * (t - floor) - 1.0);
}

inline ValueAndSlope softplus_slope_of(double s) {
  const double w = s * s;
  if (s < 0.0625) {
    const auto [value, derivative] = with_derivative(kSoftplusSmall[0], w);
    return {value, 2.0 * w * derivative};
  }
  if (s >= 32.0) {
    const double r = 1.0 / s;
    const auto [value, derivative] = with_derivative(kSoftplusLarge[0], r * r);
    return {s * kInvSqrt2Pi + r * value, s * kInvSqrt2Pi - r * (value + 2.0 * r * r * derivative)};
  }
  const auto bits = std::bit_cast<std::uint64_t>(s);
  const auto octave = static_cast<std::size_t>((bits >> 52) - (1023 - 4));
  const double m = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
  const auto [value, derivative] = with_derivative(kSoftplus[octave], 2.0 * m - 3.0);
  return {value, 2.0 * m * derivative};
}

inline ValueAndSlope folded_slope_of(double y, double s) {
  const double a = std::fabs(y);
  if (!(a < 9.0 * s)) return {a, 0.0};
  const double t = a / s;
  const double floor = std::floor(t);
  const auto [value, derivative] =
      with_derivative(kFolded[static_cast<std::size_t>(floor < 8.0 ? floor : 8.0)], 2.0 * (t - floor) - 1.0);
  return {s * value, s * (value - 2.0 * t * derivative)};
}

}  // namespace

ValueAndSlope mean_softplus_slope(double s) { return softplus_slope_of(s); }
ValueAndSlope mean_folded_slope(double y, double s) { return folded_slope_of(y, s); }

void mean_softplus_slope(Vector s, MutableVector out, MutableVector slope) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const ValueAndSlope both = softplus_slope_of(s[i]);
    out[i] = both.value;
    slope[i] = both.slope;
  }
}

void mean_folded_slope(Vector y, Vector s, MutableVector out, MutableVector slope) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const ValueAndSlope both = folded_slope_of(y[i], s[i]);
    out[i] = both.value;
    slope[i] = both.slope;
  }
}

double mean_softplus(double s) { return softplus_of(s); }
double mean_folded(double y, double s) { return folded_of(y, s); }

void mean_softplus(Vector s, MutableVector out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = softplus_of(s[i]);
}

void mean_folded(Vector y, Vector s, MutableVector out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = folded_of(y[i], s[i]);
}

}  // namespace pyrometer::energy
