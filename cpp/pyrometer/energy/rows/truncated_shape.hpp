// The density of a truncated normal variable on [-1, 1], its Fourier transform and its partial moments.
#pragma once

#include <memory>
#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// V on [-1, 1] with density p(v) = p(0) e^{-b^2 v^2 / 2}; b tau V is N(0, tau^2) truncated at +-b tau, and V is
/// uniform for b = 0. Its transform F(u) = E cos(uV) is
///
///     F(u) = [e^{-t^2/2} - e^{-b^2/2} Re e^{-iu} erfcx((b + it) / sqrt 2)] / erf(b / sqrt 2),   t = u / b
///
/// and, for |u| up to `reach`, a Gauss rule for the weight p: sum_i w_i cos(u v_i), exact for polynomials of degree 4 N
/// - 1 with N pairs of nodes +-v_i. Both have absolute errors below 1e-15.
///
/// Built once for a bound, in about 5 ms; immutable.
class TruncatedShape {
 public:
  /// 0 <= bound <= 9.
  explicit TruncatedShape(double bound);
  /// The shape of a bound from a cache of the last ones used. Safe to call from several threads at once.
  [[nodiscard]] static std::shared_ptr<const TruncatedShape> of(double bound);

  /// Up to `reach` by N pairs of nodes of weights w_i, which add up to 1; `padded` to a multiple of 4 by weights of 0.
  struct Rule {
    double reach;
    Index nodes;
    std::vector<double> node, weight;
  };
  /// The smallest rule for frequencies up to u, or the largest there is.
  [[nodiscard]] const Rule& rule(double u) const;
  /// The largest frequency of a rule.
  [[nodiscard]] double last_reach() const { return rules_.back().reach; }

  /// F(u) for any u >= 0.
  [[nodiscard]] double transform(double u) const;
  /// phi[i] *= F((2 i + 1) theta) for i < terms.
  void multiply(double theta, Index terms, double* phi) const;

  /// P(v0 < V < v1) and E V 1(v0 < V < v1), v0 <= v1 in [-1, 1].
  [[nodiscard]] double mass(double v0, double v1) const;
  [[nodiscard]] double first_moment(double v0, double v1) const;
  [[nodiscard]] double density(double v) const;

  [[nodiscard]] double bound() const { return bound_; }
  [[nodiscard]] double variance() const { return cumulants_[0]; }
  /// Of order 2 (k + 1), k < 5.
  [[nodiscard]] double cumulant(int k) const { return cumulants_[k]; }

  /// |F(u)| <= e^{-variance min(u, gaussian_until)^2 / 2} / max(1, u / inverse_from), decreasing in u.
  double gaussian_until = 0, inverse_from = 0;

 private:
  /// F(u) beyond the rules, from cos u and sin u.
  [[nodiscard]] double far(double u, double cosine, double sine) const;
  void set_rules();
  void set_envelope();

  double bound_, inside_, edge_, peak_, cumulants_[5];
  std::vector<Rule> rules_;
};

}  // namespace pyrometer::energy
