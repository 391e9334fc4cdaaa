#include "pyrometer/minimum/lasso/newton_step.hpp"

#include <algorithm>

#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {

void NewtonStep::compute(const LassoPoint& point, LassoFactor& factor, std::vector<Index>& active) {
  const bool with_constant = active.back() == point.features;
  const Index k = static_cast<Index>(active.size()) - (with_constant ? 1 : 0);
  const Factor& f = factor.of(point.centred, {active.begin(), active.begin() + k});
  std::copy(factor.columns().begin(), factor.columns().end(), active.begin());

  means_.take(point.centred, factor);
  set_gradient(point, active, with_constant);
  whitened_.assign(at(k), 0.0);
  f.whiten(gradient_.data(), whitened_.data());
  f.forward(whitened_.data());
  if (!with_constant && point.weight > 0) means_.whiten(point.centred, f);

  flat_ = k - f.rank() - (means_.carrier >= 0 ? 1 : 0);
  if (flat_ > 0) return;
  direction_.assign(active.size(), 0.0);
  set_minimiser(f);
  if (with_constant) direction_.back() = gradient_.back() - mean_along();
}

double NewtonStep::mean_along() const {
  double sum = 0;
  for (std::size_t i = 0; i < means_.mean.size(); ++i) sum += means_.mean[i] * direction_[i];
  return sum;
}

// The negative half gradient of the energy. An active intercept is eliminated: the mean of the residuals then is
// half l1 times its sign.
void NewtonStep::set_gradient(const LassoPoint& point, const std::vector<Index>& active, bool with_constant) {
  gradient_.resize(active.size());
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    gradient_[i] = point.slope(j) - point.half * sign(at(point.theta, j));
  }
  if (!with_constant) return;
  for (std::size_t i = 0; i + 1 < active.size(); ++i) gradient_[i] -= means_.mean[i] * gradient_.back();
}

// A null vector of the covariances along which the mean does not change.
void NewtonStep::set_flat(const Factor& f, Index k) {
  const Index carrier = means_.carrier, first = f.rank() + k;
  const Index spare = first + (carrier >= 0 && carrier <= first ? 1 : 0);
  direction_.assign(gradient_.size(), 0.0);
  add_null_vector(f, spare, 1);
  if (carrier >= 0) {
    const auto remainder = [&](Index i) { return remainder_of(f, means_.whitened, means_.mean, i); };
    add_null_vector(f, carrier, -remainder(spare) / remainder(carrier));
  }
  if (means_.mean.size() < direction_.size()) direction_.back() = -mean_along();
}

void NewtonStep::set_minimiser(const Factor& f) {
  const double carried = eliminate_mean(f);
  f.backward(whitened_.data());
  for (Index i = 0; i < f.rank(); ++i) at(direction_, f.column(i)) = at(whitened_, i) / f.scale_at(i);
  if (means_.carrier >= 0) add_null_vector(f, means_.carrier, carried);
}

// Solves (1 + v v') x = u in place for the whitened gradient u and means v. Returns the coefficient of the carrier, if
// there is one.
double NewtonStep::eliminate_mean(const Factor& f) {
  const Index r = f.rank(), carrier = means_.carrier;
  Numbers &u = whitened_, &v = means_.whitened;
  double vv = 0, uv = 0;
  for (Index i = 0; i < r; ++i) vv += square(at(v, i)), uv += at(v, i) * at(u, i);
  if (carrier >= 0) {
    const double own = remainder_of(f, v, means_.mean, carrier), tau = remainder_of(f, u, gradient_, carrier) / own;
    for (Index i = 0; i < r; ++i) at(u, i) -= tau * at(v, i);
    return (tau - uv + vv * tau) / own;
  }
  if (vv > 0) {
    // u - v uv / (1 + vv) in parts orthogonal and parallel to v: with means far beyond the deviations, vv > 1 /
    // roundoff, rounding errors of the first would dominate the second. Orthogonalised twice.
    double along = 0;
    for (int pass = 0; pass < 2; ++pass) {
      const double share = dot(u.data(), v.data(), 0, r) / vv;
      subtract(u.data(), share, v.data(), 0, r);
      along += share;
    }
    subtract(u.data(), -along / (1 + vv), v.data(), 0, r);
  }
  return 0;
}

// Adds share * (the column of pivot k minus its linear combination of the independent ones) to the direction.
void NewtonStep::add_null_vector(const Factor& f, Index k, double share) {
  const double unit = f.scale_at(k) > 0 ? f.scale_at(k) : 1;
  at(direction_, f.column(k)) += share / unit;
  if (f.scale_at(k) == 0) return;
  Numbers made(at(f.size()));
  f.dependence(k, made.data());
  for (Index i = 0; i < f.rank(); ++i) at(direction_, f.column(i)) -= share * at(made, i) / f.scale_at(i);
}

}  // namespace pyrometer::minimum
