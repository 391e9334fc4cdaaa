#include "pyrometer/minimum/least_squares/least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/centred_moments.hpp"
#include "pyrometer/minimum/dense/moment_error.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/least_squares/least_norm.hpp"
#include "pyrometer/minimum/least_squares/small_systems.hpp"

namespace pyrometer::minimum {
namespace {

// Solves one system after the other, reusing its memory.
class Solver {
 public:
  void solve(const Moments& data, const Penalty& l2, Index system, int threads, const Minima& out);

 private:
  // The energy at theta, and how far above the minimum it is.
  struct State {
    double value = 0;
    double above = 0;
    double mean_residual = 0;
  };
  State judge(const double* theta, bool refining);
  void step(double* theta);
  void shorten(double* theta) const;
  void answer(const State& state, const Minima& out, std::size_t slot);
  [[nodiscard]] double hidden(const double* theta, const MomentError& error, double smallest) const;
  [[nodiscard]] double below_penalty(double of_gradient, double mean_gradient) const;

  [[nodiscard]] const Factor& factor() const { return c_.factor; }

  Centred c_;
  double l2_ = 0;
  bool intercept_ = false, on_intercept_ = false;
  double weight_ = 0;  // of the squared mean of the residuals
  double shrink_ = 0;
  double vv_ = 0;
  double alpha_ = 0;    // step of the carrier, in units of its column
  Index carrier_ = -1;  // pivot; see Centred::carrier
  double without_ = 0;  // the energy without the carrier's covariances, which may be rounding errors only
  std::vector<double> high_, rest_, gradient_, whitened_, mean_, step_, best_;
};

// With U'U the scaled covariances, u = U'^-1 of the scaled covariances with the residuals, v = U'^-1 of the scaled
// means and rho the mean of the residuals: a step x in units of the whitened columns changes E by |x - u|^2 - |u|^2 +
// weight ((rho - v . x)^2 - rho^2). With u = w + a v and w orthogonal to v, the best is x = w + t v with
// t = (a + weight rho) / (1 + weight v . v), and lowers E by |w|^2 + (a + weight rho) t v . v. Rounding of w moves the
// mean of the residuals by |u| |v| roundoffs, which may be all there is left of the distance from the minimum where
// means are large: a step along v alone removes it.
Solver::State Solver::judge(const double* theta, bool refining) {
  const Factor& f = factor();
  const Index p = c_.features, r = f.rank();
  c_.covariances(theta, nullptr, high_.data(), rest_.data());
  State state;
  state.mean_residual = residual(c_.target_mean, c_.mean, theta, p);
  DoubleDouble value{c_.target_variance, 0};
  for (Index j = 0; j < p; ++j) {
    const double t = theta[j];
    value.add_product(-t, c_.target_row[j] / c_.count);
    value.add_product(-t, at(high_, j));
    value.lo -= t * at(rest_, j);
    value.add_product(l2_ * t, t);
    at(gradient_, j) = (at(high_, j) - l2_ * t) + at(rest_, j);
  }
  value.add_product(weight_ * state.mean_residual, state.mean_residual);
  state.value = std::max(value.value(), 0.0);

  f.whiten(gradient_.data(), whitened_.data());
  f.forward(whitened_.data());
  const double *u = whitened_.data(), *v = mean_.data();
  double* x = step_.data();
  std::copy_n(u, r, x);
  alpha_ = 0;
  if (carrier_ >= 0) {
    const Index column = f.column(carrier_);
    const bool constant = f.scale_at(carrier_) == 0;
    const double own = constant ? c_.mean[column] : v[carrier_];
    // What a column changes the mean by, the carrier takes back, and changes by its covariances.
    const double share = constant ? at(gradient_, column) / own : 0;
    subtract(x, share, v, 0, r);
    alpha_ = (state.mean_residual + share - dot(x, v, 0, r)) / own;
    const double kept = constant ? 1 - std::sqrt(vv_) * at(c_.deviation, column) / std::abs(own) : 1;
    state.above = kept > 0 ? (dot(x, x, 0, r) + square(state.mean_residual + share)) / square(kept)
                           : std::numeric_limits<double>::infinity();
    if (!constant)
      for (Index k = 0; k < r; ++k) x[k] -= alpha_ * f.row(k)[carrier_];
  } else {
    if (weight_ > 0 && vv_ > 0) {
      const double share = dot(u, v, 0, r) / vv_, slope = share + weight_ * state.mean_residual;
      const double t = slope / (1 + weight_ * vv_);
      subtract(x, share, v, 0, r);
      const double across = dot(x, x, 0, r), along = slope * t * vv_;
      state.above = across + along;
      if (refining && along > across) std::fill_n(x, r, 0.0);
      subtract(x, -t, v, 0, r);
    } else {
      state.above = dot(x, x, 0, r);
    }
  }
  return state;
}

// Applies the step computed by judge().
void Solver::step(double* theta) {
  const Factor& f = factor();
  f.backward(step_.data());
  for (Index k = 0; k < f.rank(); ++k) theta[f.column(k)] += at(step_, k) / f.scale_at(k);
  if (carrier_ >= 0) theta[f.column(carrier_)] += f.scale_at(carrier_) > 0 ? alpha_ / f.scale_at(carrier_) : alpha_;
}

void Solver::shorten(double* theta) const {
  const Factor& f = factor();
  const Index p = c_.features;
  if (f.rank() + (carrier_ >= 0 ? 1 : 0) == p) return;
  const auto length = [&](Index k) { return f.scale_at(k); };
  if (!intercept_ || !on_intercept_) {
    dependence_of(f, p, length, carrier_, weight_ > 0 ? c_.mean : nullptr, -1).shorten(theta);
    return;
  }
  std::vector<double> all(theta, theta + p);
  all.push_back(residual(c_.target_mean, c_.mean, theta, p) / (1 + shrink_));
  dependence_of(f, p, length, carrier_, c_.mean, p).shorten(all.data());
  std::copy_n(all.begin(), p, theta);
}

void Solver::solve(const Moments& data, const Penalty& l2, Index system, int threads, const Minima& out) {
  c_.assemble(data, system, l2.weight, threads);
  const Factor& f = factor();
  const Index p = data.features;
  l2_ = l2.weight;
  intercept_ = data.intercept, on_intercept_ = l2.on_intercept;
  shrink_ = data.intercept && l2.on_intercept ? l2.weight : 0;
  weight_ = data.intercept ? shrink_ / (1 + shrink_) : 1;
  for (auto* numbers : {&high_, &rest_, &gradient_, &whitened_, &mean_, &step_}) numbers->resize(at(p));
  f.whiten(c_.mean, mean_.data());
  f.forward(mean_.data());
  vv_ = dot(mean_.data(), mean_.data(), 0, f.rank());
  // A penalty on the carrier's parameter is below the rounding level.
  carrier_ = weight_ > 0 ? Centred::carrier(f, c_.mean, mean_.data(), c_.noise) : -1;

  // From 0, with up to three refinement steps, because the first one has the rounding errors of the factor.
  constexpr int kSteps = 4;
  double* theta = out.parameters.data() + system * data.parameters();
  bool shorter = true;
  best_.assign(at(p), 0.0);
  State best = judge(best_.data(), false);
  without_ = std::max(c_.target_variance - dot(whitened_.data(), whitened_.data(), 0, f.rank()), 0.0);
  for (int count = 0; count < kSteps && (count == 0 || best.above > 0); ++count) {
    std::copy(best_.begin(), best_.end(), theta);
    step(theta);
    // Later steps correct its rounding errors: of columns of very different sizes, in coefficients of the smallest.
    if (shorter && (count == 0 || is_apart(best_.data(), theta, p))) shorten(theta);
    const State state = judge(theta, true);
    // Where lengths of columns differ by more than moments have digits, the rounding of a dependence is too much.
    if (count == 0 && shorter && !(state.value <= 2 * best.value)) {
      shorter = false, count = -1;
      judge(best_.data(), false);
      continue;
    }
    const bool halved = state.above < 0.5 * best.above;
    if (count == 0 || halved) {
      best = state;
      std::copy_n(theta, p, best_.begin());
    }
    if (!halved || state.above <= 1e-24 * state.value) break;
  }
  std::copy(best_.begin(), best_.end(), theta);
  if (data.intercept) theta[p] = best.mean_residual / (1 + shrink_);
  answer(best, out, at(system));
}

// A bound of the energy that columns taken for dependent might explain. If the covariance of the target with the
// remainder of such a column exceeds the rounding level, the remainder is not noise, and its variance does not bound
// its effect. The rank is also uncertain if the pivots decrease gradually to the rounding level (as for powers of one
// variable) instead of ending well above it.
double Solver::hidden(const double* theta, const MomentError& error, double smallest) const {
  const Factor& f = factor();
  double left_over = 0, largest = 0;
  for (Index k = f.rank(); k < f.size(); ++k) {
    left_over += square(at(whitened_, k));
    largest = std::max(largest, std::abs(at(whitened_, k)));
  }
  const double variance = c_.target_variance, reach = std::sqrt(error.squares * static_cast<double>(f.size() + 1));
  const bool certain = largest > 4 * c_.noise * reach || (largest > 0 && smallest < 1e5 * c_.tolerance());
  double result = certain ? variance : std::min(left_over / c_.tolerance(), variance);
  for (Index k = f.rank(); k < f.size() && carrier_ >= 0; ++k)
    result += c_.tolerance() * square(theta[f.column(k)] * f.scale_at(k));
  return result;
}

// The same with a penalty: the curvature of the columns taken for dependent, once the others are eliminated, is at
// least l2. of_gradient: the squared error of the gradient, of which eliminations take a part for each coefficient.
double Solver::below_penalty(double of_gradient, double mean_gradient) const {
  const Factor& f = factor();
  std::vector<double> made(at(f.rank()));
  double result = 0;
  for (Index k = f.rank(); k < f.size(); ++k) {
    f.dependence(k, made.data());
    const double slope = std::abs(at(whitened_, k) + mean_gradient * at(mean_, k));
    const double error = std::sqrt(of_gradient * (1 + dot(made.data(), made.data(), 0, f.rank())));
    result += square((slope + error) * (f.scale_at(k) / std::sqrt(l2_)));
  }
  return result;
}

void Solver::answer(const State& state, const Minima& out, std::size_t slot) {
  const Factor& f = factor();
  const Index p = c_.features, r = f.rank(), n = p + (intercept_ ? 1 : 0), s = static_cast<Index>(slot);
  const double* theta = out.parameters.data() + s * n;
  const double smallest = f.smallest_eigenvalue(), mean_gradient = weight_ * state.mean_residual;
  double *diagonal = step_.data(), trace = 0;
  f.inverse_diagonal(smallest, diagonal);
  for (Index k = 0; k < r; ++k) trace += diagonal[k];

  const MomentError error(c_, theta);
  const bool all = r + (carrier_ >= 0 ? 1 : 0) == p;
  const double units = MomentError::expected(p) * (all ? 1 : MomentError::kAlike);
  // Where the scatter had lost what a carrier varies by, nothing is known of what it explains.
  const bool blind = carrier_ >= 0 && f.scale_at(carrier_) > 0 && c_.lost > c_.noise;
  const double convention = blind ? std::numeric_limits<double>::infinity() : hidden(theta, error, smallest);
  const auto unseen = [&](double roundoffs) {
    return l2_ > 0 ? below_penalty(error.of_gradient(roundoffs, mean_gradient), mean_gradient) : convention;
  };
  const auto above = [&](double roundoffs) {
    return square(std::sqrt(state.above) + std::sqrt(error.second(roundoffs, mean_gradient, trace) * (1 + shrink_))) +
           unseen(roundoffs);
  };
  const double lost = error.squares > 0 ? Minima::underflow(p) : 0;
  const double energy_error = error.first(units, mean_gradient, state.value) + above(units) + lost;
  // What a carrier varies by is noise: it moves the energy at first order.
  const double carried = carrier_ >= 0 ? error.first(MomentError::kWorst, mean_gradient, state.value) : 0;
  const double gap = error.gap(above(MomentError::kWorst) + carried, mean_gradient, state.value) + lost;
  const double value = carrier_ >= 0 && energy_error >= state.value ? std::max(state.value, without_) : state.value;
  out.value[slot] = value;
  out.gap[slot] = gap;
  out.relative_error[slot] = energy_error == 0 ? 0 : (energy_error + (value - state.value)) / value;
  out.rank[slot] = r + (carrier_ >= 0 ? 1 : 0);
  out.condition[slot] = f.condition(smallest, carrier_ >= 0);

  // E(theta) - E* is at least the squared distance over the inverse Hessian's element: of the true moments, whose
  // eigenvalues may lie below those found by what the scatter had lost. Estimates of the least one lie above it.
  const double kept = 1 - 2 * c_.lost / smallest;
  double* bound = out.parameter_error.data() + s * n;
  if (l2_ > 0) std::fill_n(bound, p, std::sqrt(gap) / std::sqrt(l2_));
  if (!all || carrier_ >= 0 || !(kept > 0)) return;
  const double reach = gap / kept;
  for (Index k = 0; k < p; ++k)
    bound[f.column(k)] = std::min(bound[f.column(k)], std::sqrt(reach * diagonal[k]) / f.scale_at(k));
  if (intercept_) bound[p] = std::sqrt(reach * (1 + vv_)) + error.of_mean(MomentError::kWorst);
}

}  // namespace

void least_squares(const Moments& data, const Penalty& l2, int threads, const Minima& out) {
  require(data.count > 0, "count must be above 0, got ", data.count);
  require(std::isfinite(l2.weight) && l2.weight >= 0, "l2 must be finite and >= 0, got ", l2.weight);
  const bool alike = data.features >= 1 && data.features <= kAlikeFeatures;
  // Chunks are whole groups of systems, so that no two workers write the result of the same system.
  const Index step = alike ? alike_at_once() : 1, groups = (systems_at_once(data.features) + step - 1) / step;
  const base::Chunks chunks{data.systems, groups * step};
  const int inner = data.systems == 1 ? threads : 1;
  std::vector<Solver> solvers(at(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += step) {
      const unsigned solved = alike ? solve_alike(data, l2, first, out) : 0;
      for (Index system = first; system < std::min(first + step, chunks.end(chunk)); ++system)
        if (!(solved >> (system - first) & 1U)) solvers[at(worker)].solve(data, l2, system, inner, out);
    }
  });
}

void ranks(const Moments& data, int threads, std::span<Index> out) {
  const Index p = data.features;
  const bool alike = p >= 1 && p <= kAlikeFeatures;
  const Index step = alike ? alike_at_once() : 1, groups = (systems_at_once(p) + step - 1) / step;
  const base::Chunks chunks{data.systems, groups * step};
  const int inner = data.systems == 1 ? threads : 1;
  std::vector<Centred> scratch(at(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    Centred& c = scratch[at(worker)];
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += step) {
      const unsigned independent = alike ? independent_alike(data, first) : 0;
      for (Index system = first; system < std::min(first + step, chunks.end(chunk)); ++system) {
        const bool full = independent >> (system - first) & 1U;
        if (!full) c.assemble(data, system, 0, inner);
        out[at(system)] = full ? p : c.factor.rank();
      }
    }
  });
}

}  // namespace pyrometer::minimum
