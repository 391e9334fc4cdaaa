#include "pyrometer/energy/expectation.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace pyrometer::energy {
namespace {

#include "pyrometer/energy/expectation_tables.inc"

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

}  // namespace

double mean_softplus(double s) { return softplus_of(s); }
double mean_folded(double y, double s) { return folded_of(y, s); }

void mean_softplus(Vector s, MutableVector out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = softplus_of(s[i]);
}

void mean_folded(Vector y, Vector s, MutableVector out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = folded_of(y[i], s[i]);
}

}  // namespace pyrometer::energy
