#include "pyrometer/minimum/lasso/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {

LassoAccuracy::LassoAccuracy(const LassoPoint& point, LassoFactor& factor, const double* theta, bool intercept)
    : x_(point), factor_(factor), error_(point.centred, theta), mean_gradient_(point.weight * point.rbar) {
  const double margin =
      x_.centred.noise * (std::sqrt(static_cast<double>(x_.features) * error_.squares) + error_.means);
  std::vector<Index> columns;
  for (Index j = 0; j < x_.features; ++j)
    if (equicorrelated(j, margin)) columns.push_back(j);
  const Factor& f = factor.of(x_.centred, columns, true);
  means_.take(x_.centred, factor);
  const bool constant = x_.constant ? equicorrelated(x_.features, margin) : intercept;
  if (!constant && f.rank() < f.size()) means_.whiten(x_.centred, f);
  smallest_ = f.smallest_eigenvalue();
  diagonal_.resize(at(f.size()));
  f.inverse_diagonal(smallest_, diagonal_.data());
  dependence_ = f.rank() < f.size() ? of_dependence() : 0;
  underflow_ = error_.squares > 0 ? Minima::underflow(x_.features) : 0;
}

bool LassoAccuracy::equicorrelated(Index j, double margin) const {
  return at(x_.theta, j) != 0 || (x_.movable(j) && std::abs(x_.slope(j)) >= x_.half - margin * x_.size(j));
}

double LassoAccuracy::of_slope(Index j) const { return error_.of_slope(x_.centred, j, x_.weight, mean_gradient_); }

double LassoAccuracy::second(double units) const {
  const double trace = std::accumulate(diagonal_.begin(), diagonal_.begin() + factor_.factor().rank(), 0.0);
  return error_.second(units, mean_gradient_, trace);
}

double LassoAccuracy::error(const LassoPoint::Certificate& solution) const {
  const double units = MomentError::expected(x_.features);
  return error_.first(units, mean_gradient_, solution.value) + second(units) + solution.gap + dependence_ + underflow_;
}

void LassoAccuracy::write(const LassoPoint::Certificate& solution, const Minima& out) const {
  const Factor& f = factor_.factor();
  const double energy_error = error(solution);
  const double rounding = second(MomentError::kWorst) + x_.rounded();
  const double gap = error_.gap(solution.gap + rounding + dependence_, mean_gradient_, solution.value) + underflow_;
  const Index rank = f.rank() + (means_.carrier >= 0 ? 1 : 0);

  out.value[0] = solution.value;
  out.gap[0] = gap;
  out.relative_error[0] = energy_error == 0 ? 0 : energy_error / solution.value;
  out.rank[0] = rank;
  out.condition[0] = f.condition(smallest_, means_.carrier >= 0);
  if (f.rank() == f.size()) bound(gap, out.parameter_error.data());
}

// What columns that depend on others within the noise may hide: their errors could have any size but that the penalty
// bounds their parameters, so the duality gap counts at first order, with the errors of the gradients of the
// equicorrelation set.
//
// Copies to the last bit hide nothing. Along a carrier, which only the mean holds, the energy is curved by the square
// of the remainder of its mean, and second order does where that is less.
double LassoAccuracy::of_dependence() const {
  const bool carrier = means_.carrier >= 0;
  const Factor& f = factor_.factor();
  const Index spare = f.size() - f.rank() - (carrier ? 1 : 0), equal = copies();
  if (!carrier && (spare == 0 || spare == equal)) return 0;
  double most = 0, sum = 0;
  for (const Index j : factor_.columns()) most = std::max(most, of_slope(j));
  for (Index j = 0; j < x_.features; ++j)
    if (at(x_.theta, j) != 0) sum += std::abs(at(x_.theta, j)) * (of_slope(j) + most);
  if (x_.constant) sum += std::abs(at(x_.theta, x_.features)) * (error_.of_mean(MomentError::kWorst) + most);
  return !carrier || spare > equal ? 2 * sum : std::min(2 * sum, along_carrier());
}

// The second order of the error of the gradient along the carrier.
double LassoAccuracy::along_carrier() const {
  const Factor& f = factor_.factor();
  const Index carrier = means_.carrier;
  const auto own = [&](Index k) { return factor_.columns()[at(f.column(k))]; };
  double along = of_slope(own(carrier));
  if (f.scale_at(carrier) > 0) {
    Numbers made(at(f.size()));
    f.dependence(carrier, made.data());
    along /= f.scale_at(carrier);
    for (Index i = 0; i < f.rank(); ++i) along += std::abs(at(made, i)) * of_slope(own(i)) / f.scale_at(i);
  }
  const double vv = dot(means_.whitened.data(), means_.whitened.data(), 0, f.rank());
  return square(along / remainder_of(f, means_.whitened, means_.mean, carrier)) * (1 + 2 * vv);
}

// How many columns of the factor are the same numbers as one before them, or as a penalised intercept's.
Index LassoAccuracy::copies() const {
  Index count = 0;
  const std::vector<Index>& columns = factor_.columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool ones = x_.constant && x_.scatter(columns[i])[columns[i]] == 0 && x_.mean(columns[i]) == 1;
    const auto same = [&](Index k) {
      const Index j = columns[i];
      const double own = x_.scatter(j)[j];
      return x_.scatter(k)[k] == own && x_.scatter(k)[j] == own && x_.mean(k) == x_.mean(j);
    };
    count += ones || std::any_of(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(i), same) ? 1 : 0;
  }
  return count;
}

// Whether the gradients of the columns outside the equicorrelation set stay below l1 / 2 where the residuals are at
// most `reach` from these in root mean square: their parameters are 0 there as well.
bool LassoAccuracy::inactive_stay_zero(double reach) const {
  std::vector<char> active(at(x_.features), 0);
  for (const Index j : factor_.columns()) active[at(j)] = 1;
  for (Index j = 0; j < x_.features; ++j) {
    if (active[at(j)] != 0) continue;
    if (!x_.movable(j) && x_.scatter(j)[j] > 0) return false;  // its spread may be more than rounding
    if (!x_.movable(j)) continue;
    const double moved = reach * std::sqrt(x_.curvature(j)) + of_slope(j);
    if (!(std::abs(x_.slope(j)) + moved < x_.half)) return false;
  }
  return true;
}

// Bounds the distances of the parameters from the minimiser's, given the diagonal of the active columns' inverse scaled
// covariances. E(theta) - E* is at least (theta - theta*)' G (theta - theta*), and the residuals are at most gap^1/2
// from those of the minimiser in root mean square.
void LassoAccuracy::bound(double gap, double* out) const {
  // As in least squares.
  const double kept = 1 - 2 * x_.centred.lost / smallest_;
  if (!(kept > 0)) return;
  const double reach = std::sqrt(gap / kept);
  if (!inactive_stay_zero(reach)) return;
  const Factor& f = factor_.factor();
  const std::vector<Index>& columns = factor_.columns();
  std::fill_n(out, x_.features, 0.0);
  for (Index i = 0; i < f.size(); ++i)
    out[columns[at(f.column(i))]] = reach * std::sqrt(at(diagonal_, i)) / f.scale_at(i);
  if (!x_.constant && x_.weight > 0) return;
  Numbers whitened(at(f.size()));
  f.whiten(means_.mean.data(), whitened.data());
  f.forward(whitened.data());
  out[x_.features] =
      reach * std::sqrt(1 + dot(whitened.data(), whitened.data(), 0, f.size())) + error_.of_mean(MomentError::kWorst);
}

}  // namespace pyrometer::minimum
