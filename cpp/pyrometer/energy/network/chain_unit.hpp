// The distribution of one unit's squared activation under a normal pre-activation.
#pragma once

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/network/chain_rule.hpp"
#include "pyrometer/model/activation.hpp"

namespace pyrometer::energy {

/// The distribution of t = phi(z)^2, z ~ N(shift, variance), as points and weights (not sorted).
///
/// Trapezoidal rule in u on each half-line, z = c exp(u - e^{-u}), c = min(1, sqrt(variance)): a grid that is geometric
/// from the scale at which activations are nonlinear to 13.5 deviations, and double exponential towards 0. It requires
/// no smoothness at 0 and resolves both nonlinearity at |z| ~ 1 and the normal density at |z| ~ deviation.
/// An activation with a kink at |z| = k within 13.5 deviations has two such grids, z = k / (1 + exp(-pi sinh u)) with
/// half the step for |z| < k and z = k + c exp(u - e^{-u}), c = min(1, deviation) min(1, deviation / k), beyond.
///
/// Where shift is not 0, Gauss rules on panels that begin at z = 0 and are as long as the distance from 0, but at least
/// `shortest` and at most one deviation, over 13.5 deviations about the shift, and up to z = 0 and four more where it
/// is above that and the activation is 0 far below 0: expectations are those of units that are rarely active. With
/// `shortest` below 1 the same without a shift where activations have kinks or fade far below 0. These panels resolve
/// functions of t that are not smooth at t ~ shortest^2.
///
/// step  in u. With 0.08, expectations of smooth functions of t have errors below 1e-14, for deviations 1e-3 to 1e6 and
///       beyond.
/// Cost: 80 points for each half-line, 29 more for each decade of deviation above 1; 10 ns a point. With a shift 550
///       points, 140 more for each decade, also of `shortest` below 1.
[[nodiscard]] Rule squared_unit(model::Activation activation, double variance, double step, double shift = 0,
                                double shortest = 1);

/// The mean g(v) = E t, its derivatives in the variance v relative to itself, and the variance of t, from one such
/// quadrature. All but the mean are of order 1 at any scale.
struct UnitMoments {
  double mean;      // g = E phi(z)^2, z = shift + sqrt(v) Z
  double slope;     // v g' / g    = E phi^2 He_2(Z) / (2 g)
  double bend;      // v^2 g'' / g = E phi^2 He_4(Z) / (4 g)
  double variance;  // Var t / g^2
};
[[nodiscard]] UnitMoments unit_moments(model::Activation activation, double variance, double shift = 0);

}  // namespace pyrometer::energy
