// Expectations of two losses over one normal number, to full double precision.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// E ln(1 + e^{sZ}), Z standard normal: the mean cross entropy of a logit of standard deviation s >= 0.
///
/// s < 1/16    even series, ln 2 + s^2/8 - s^4/64 + ...
/// s < 32      one polynomial of degree 17 for each octave
/// otherwise   s / sqrt(2 pi) + pi^2 / (6 sqrt(2 pi) s) - ...
///
/// Relative error below 4e-16 for every finite s. About 40 flops and 144 bytes of a table of 1.3 kB.
[[nodiscard]] double mean_softplus(double s);

/// E |y - sZ|, Z standard normal: the mean absolute error of a prediction of standard deviation s >= 0 at target y.
///
/// s F(|y| / s) with the folded normal F(t) = sqrt(2/pi) e^{-t^2/2} + t erf(t / sqrt 2), one polynomial of degree 17
/// for each unit of t below 9 and t itself beyond; |y| where s = 0. Relative error below 6e-16.
[[nodiscard]] double mean_folded(double y, double s);

/// A value and s times its derivative in s.
struct ValueAndSlope {
  double value;
  double slope;
};
[[nodiscard]] ValueAndSlope mean_softplus_slope(double s);
[[nodiscard]] ValueAndSlope mean_folded_slope(double y, double s);

/// The four above over arrays: out[i] (and slope[i]) from s[i] and y[i].
void mean_softplus(Vector s, MutableVector out);
void mean_folded(Vector y, Vector s, MutableVector out);
void mean_softplus_slope(Vector s, MutableVector out, MutableVector slope);
void mean_folded_slope(Vector y, Vector s, MutableVector out, MutableVector slope);

}  // namespace pyrometer::energy
