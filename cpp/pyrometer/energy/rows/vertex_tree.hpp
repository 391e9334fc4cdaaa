// E|R - y| of one row whose cosine series would be long: few features, or some that dominate.
#pragma once

#include <array>
#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/rows/symmetric_sum.hpp"

namespace pyrometer::energy {

struct TreeValue {
  double value;
  double slope;  ///< along the common logarithm of the lengths and of s, not of l
  double bound;  ///< bound of the error of value
};

/// Integrates over the widest uniform variables in closed form. With the others as the rest R_q,
///
///     H_q(c)     = E (c + R_q)^q |c + R_q| / (q + 1)!
///     H_q(c)     = [H_{q+1}(c + a_q / 2) - H_{q+1}(c - a_q / 2)] / a_q,       E|R - y| = H_0(y)
///     H_q(c)     = sign(c) sum_i c^{q+1-2i} / (q+1-2i)! E R_q^{2i} / (2i)!    if |R_q| < |c| up to the tolerance
///
/// A branch ends where the last line holds within the tolerance, by Chernoff's bound; after all uniform variables (the
/// vertex formula (3.42)); or where the characteristic function phi_q of the rest decays so fast that its Fourier
/// series is short: with P >= |c| + reach,
///
///     H_q(c) = E Q_q(c + R_q)
///              - (4 P / pi^2) (P / pi)^q sum_{k odd} cos(k pi c / P - q pi / 2) phi_q(k pi / P) / k^{q+2}
///
/// where Q_q is the polynomial sum_{j odd} [z^j] tanh(z/2) P^j u^{q+1-j} / (q+1-j)!, for which u^q|u|/(q+1)! - Q_q has
/// mean zero and an odd period.
///
/// One object for each thread; it owns its scratch memory.
class VertexTree {
 public:
  /// a          lengths of the uniform numbers, finite and not negative, in any order; sorted in place.
  /// s, l       deviation of the normal and scale of the logistic number, not negative.
  /// The bound includes truncation (rigorous) and rounding (unit roundoff times the sum of all magnitudes).
  [[nodiscard]] TreeValue mean_absolute(double y, std::vector<double>& a, double s, double l);

 private:
  static constexpr Index kDeepest = 60;
  using Moments = std::array<double, kDeepest / 2 + 2>;

  struct Level {
    Reach reach;                        // of the rest R_q
    double point = 0;                   // beyond which R_q does not reach
    double weight = 1;                  // 1 / (a_0 ... a_{q-1})
    double error = 0;                   // of one branch that ends here
    Moments moments, logistic_moments;  // E R_q^{2i} / (2i)!, and l d/dl of it
  };
  struct Node {
    double value, derivative, magnitude;
  };

  Index choose_depth(double y);
  void set_moments(Index depth);
  void set_series();
  void visit(Index q, double c, double sign);
  Node polynomial(Index q, double c) const;
  Node series(double c) const;

  const double* a_ = nullptr;
  Index count_ = 0;
  double s_ = 0, l_ = 0, spread_ = 0;
  std::vector<Level> levels_;
  Index depth_ = 0, nodes_ = 0;
  // The series of the deepest level: period, terms, phi_k and l d/dl phi_k.
  double period_ = 0, last_frequency_ = 0;
  bool has_series_ = false;
  std::vector<double> phi_, logistic_phi_;
  double value_ = 0, derivative_ = 0, truncation_ = 0, magnitude_ = 0;
};

}  // namespace pyrometer::energy
