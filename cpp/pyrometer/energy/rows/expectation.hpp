// Expectations of two losses over a normal variable, to full double precision.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// E ln(1 + e^{sZ}), Z standard normal: the mean cross entropy of a logit of standard deviation s; for each i.
///
///     (s + c) P(v),  v = s / (s + c),  c = sqrt(pi):  one polynomial of degree 11 for each eighth of v in [0, 1]
///
/// s      not negative, finite.
/// value  out; relative error below 4e-16.
/// slope  out, of the size of s, or empty: s times the derivative in s, s v Q(v) with Q of degree 13; relative error
///        below 6e-16.
///
/// Branch-free: the bits of an element are independent of the batch, of the instruction-set level and of slopes.
/// Serial. Cost of an element: a division, 30 flops, 12 numbers of a table of 0.8 kB; the same again for the slope.
void mean_softplus(Vector s, MutableVector value, MutableVector slope);

/// E |y - sZ|: the mean absolute error of a prediction of standard deviation s at target y; for each i.
///
///     s F(|y| / s),  F(t) = sqrt(2/pi) e^{-t^2/2} + t erf(t / sqrt 2):  one polynomial of degree 15 for each unit of t
///     |y| for t >= 8, where the difference is below half a unit in the last place, and for s = 0
///
/// y, s   finite, s not negative.
/// value  out; relative error below 6e-16.
/// slope  out, of the size of s, or empty: s times the derivative in s, s sqrt(2/pi) e^{-t^2/2}, or 0 for t >= 8;
///        error below 2e-15 of the value.
///
/// Reproducible as above. Cost of an element: a division, 36 flops, 16 numbers of a table of 1 kB; as much again for
/// the slope.
void mean_folded(Vector y, Vector s, MutableVector value, MutableVector slope);

}  // namespace pyrometer::energy
