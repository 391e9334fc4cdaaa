#include "pyrometer/minimum/lasso/lasso.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/moment_error.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/lasso/active_factor.hpp"
#include "pyrometer/minimum/lasso/point.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"

namespace pyrometer::minimum {
namespace {

// Minimises the energy of one system after the other, reusing its memory.
class Descent {
 public:
  void start(const Moments& data, bool on_intercept, Index system) {
    x_.start(data, on_intercept, system);
    active_.clear();
  }
  // Starts from the previous solution.
  void minimise(const Moments& data, double l1, Index slot, const Minima& out);

 private:
  bool newton(std::vector<Index>& active, Numbers& direction);
  bool advance(const std::vector<Index>& active, const Numbers& direction, bool flat);
  LassoPoint::Certificate polish();
  [[nodiscard]] bool near(Index j, double margin) const;
  [[nodiscard]] std::vector<Index> active_set(double margin) const;
  void null_vector(Index k, double share, Numbers& direction) const;
  [[nodiscard]] double unseen(const MomentError& error, double mean_gradient, Index carrier) const;
  [[nodiscard]] Index copies() const;
  void bound(double gap, const MomentError& error, double mean_gradient, double smallest, const Numbers& diagonal,
             double* out);
  LassoPoint x_;
  LassoFactor active_;
  Numbers work_u_, work_v_;
};

// Adds share * (column k of the active factor minus its linear combination of the others) to the direction.
void Descent::null_vector(Index k, double share, Numbers& direction) const {
  const Factor& f = active_.factor();
  const double unit = f.scale_at(k) > 0 ? f.scale_at(k) : 1;
  at(direction, f.column(k)) += share / unit;
  if (f.scale_at(k) == 0) return;
  Numbers made(at(f.size()));
  f.dependence(k, made.data());
  for (Index i = 0; i < f.rank(); ++i) at(direction, f.column(i)) -= share * at(made, i) / f.scale_at(i);
}

// Whether coordinate j is active, or its gradient equals the subgradient bound of the penalty up to rounding.
bool Descent::near(Index j, double margin) const {
  return at(x_.theta, j) != 0 || (x_.movable(j) && std::abs(x_.slope(j)) >= x_.half - margin * x_.size(j));
}

std::vector<Index> Descent::active_set(double margin) const {
  std::vector<Index> columns;
  for (Index j = 0; j < x_.features; ++j)
    if (near(j, margin)) columns.push_back(j);
  return columns;
}

// The Newton direction for the current signs, over the active coordinates; or, where the quadratic form is singular, a
// direction along which only the penalty changes, and true. Reorders `active`.
bool Descent::newton(std::vector<Index>& active, Numbers& direction) {
  const bool with_constant = !active.empty() && active.back() == x_.features;
  const Index k = static_cast<Index>(active.size()) - (with_constant ? 1 : 0);
  const double weight = with_constant ? 0 : x_.weight;
  direction.assign(active.size(), 0.0);
  const Factor& f = active_.of(x_.centred, {active.begin(), active.begin() + k});
  std::copy(active_.columns().begin(), active_.columns().end(), active.begin());

  Numbers gradient(active.size()), means(at(k));
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    gradient[i] = x_.slope(j) - x_.half * sign(at(x_.theta, j));
  }
  for (Index i = 0; i < k; ++i) at(means, i) = x_.centred.mean[active[at(i)]];
  if (with_constant)  // eliminated: the mean of the residuals then is x_.half * its sign
    for (Index i = 0; i < k; ++i) at(gradient, i) -= at(means, i) * gradient.back();

  const Index r = f.rank();
  work_u_.assign(at(k), 0.0);
  work_v_.assign(at(k), 0.0);
  f.whiten(gradient.data(), work_u_.data());
  f.forward(work_u_.data());
  double vv = 0, uv = 0;
  Index carrier = -1;
  if (weight > 0) {
    f.whiten(means.data(), work_v_.data());
    f.forward(work_v_.data());
    for (Index i = 0; i < r; ++i) vv += square(at(work_v_, i)), uv += at(work_v_, i) * at(work_u_, i);
    carrier = Centred::carrier(f, means.data(), work_v_.data(), x_.centred.noise);
  }
  const auto remainder_of = [&](const Numbers& whitened, const Numbers& raw, Index i) {
    return f.scale_at(i) > 0 ? at(whitened, i) : at(raw, f.column(i));
  };

  const bool flat = k - r > (carrier >= 0 ? 1 : 0);
  if (flat) {
    Index spare = r == carrier ? r + 1 : r;
    null_vector(spare, 1, direction);
    if (carrier >= 0)
      null_vector(carrier, -remainder_of(work_v_, means, spare) / remainder_of(work_v_, means, carrier), direction);
  } else {
    double alpha = 0;
    if (carrier >= 0) {
      const double own = remainder_of(work_v_, means, carrier), tau = remainder_of(work_u_, gradient, carrier) / own;
      alpha = (tau - uv + vv * tau) / own;
      for (Index i = 0; i < r; ++i) at(work_u_, i) -= tau * at(work_v_, i);
    } else if (vv > 0) {
      // u - v uv / (1 + vv) in parts orthogonal and parallel to v: with means far beyond the deviations, vv > 1 /
      // roundoff, rounding errors of the first would dominate the second. Orthogonalised twice.
      double along = 0;
      for (int pass = 0; pass < 2; ++pass) {
        const double share = dot(work_u_.data(), work_v_.data(), 0, r) / vv;
        subtract(work_u_.data(), share, work_v_.data(), 0, r);
        along += share;
      }
      subtract(work_u_.data(), -along / (1 + vv), work_v_.data(), 0, r);
    }
    f.backward(work_u_.data());
    for (Index i = 0; i < r; ++i) at(direction, f.column(i)) = at(work_u_, i) / f.scale_at(i);
    if (carrier >= 0) null_vector(carrier, alpha, direction);
  }
  if (with_constant) {
    double moved = 0;
    for (Index i = 0; i < k; ++i) moved += at(means, i) * at(direction, i);
    direction.back() = (flat ? 0 : gradient.back()) - moved;
  }
  return flat;
}

// Exact line search: the energy along the direction is convex, quadratic between the changes of sign. Returns whether
// the minimum for the current signs was reached.
bool Descent::advance(const std::vector<Index>& active, const Numbers& direction, bool flat) {
  double gain = 0, way = 1;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    gain += direction[i] * ((flat ? 0 : x_.slope(j)) - x_.half * sign(at(x_.theta, j)));
  }
  if (flat && gain < 0) gain = -gain, way = -1;
  const double curvature = flat ? 0 : gain;
  std::vector<std::pair<double, std::size_t>> crossings;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const double d = way * direction[i], t = at(x_.theta, active[i]);
    if (t != 0 && d * t < 0 && (flat || std::abs(d) > std::abs(t))) crossings.emplace_back(-t / d, i);
  }
  std::sort(crossings.begin(), crossings.end());
  double step = flat ? 0 : 1, slope_sum = 0;
  std::size_t crossed = 0;
  Index stop = -1;
  for (; crossed < crossings.size(); ++crossed) {
    const auto [where, i] = crossings[crossed];
    const double before = -gain + where * curvature + slope_sum;
    if (before >= 0 && !flat) break;  // the minimum lies before this change of sign
    slope_sum += 2 * x_.half * std::abs(direction[i]);
    if (-gain + where * curvature + slope_sum >= 0) {
      step = where;
      stop = active[i];
      break;
    }
  }
  if (stop < 0 && !flat) step = (gain - slope_sum) / curvature;
  if (!(step > 0) || !std::isfinite(step)) {
    x_.refresh();
    return true;
  }
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    DoubleDouble sum{at(x_.theta, j), at(x_.low, j)};
    sum.add(step * way * direction[i]);
    at(x_.theta, j) = j == stop ? 0 : sum.value();
    at(x_.low, j) = j == stop ? 0 : (sum.hi - at(x_.theta, j)) + sum.lo;
  }
  x_.refresh();
  return !flat && stop < 0 && crossed == 0;
}

// Feature-sign search from the result of the sweeps; on return, what refresh() computes is up to date.
LassoPoint::Certificate Descent::polish() {
  Numbers direction, best_theta, best_low;
  std::vector<Index> active;
  LassoPoint::Certificate best{0, std::numeric_limits<double>::infinity()}, now = best;
  double lowest = best.gap;
  const Index limit = 200 + 20 * x_.coordinates();
  int stale = 0;
  for (Index round = 0; round < limit && stale < 8; ++round) {
    base::throw_if_interrupted();
    active.clear();
    for (Index j = 0; j < x_.coordinates(); ++j)
      if (at(x_.theta, j) != 0) active.push_back(j);
    bool settled = true;
    if (active.empty()) {
      x_.refresh();
    } else {
      const bool flat = newton(active, direction);
      settled = advance(active, direction, flat);
    }
    if (!settled) continue;
    now = x_.certify();
    stale = now.gap < 0.5 * best.gap || now.value < lowest * (1 - 1e-12) ? 0 : stale + 1;
    lowest = std::min(lowest, now.value);
    if (now.gap <= 1e-14 * now.value) return now;
    if (now.gap < best.gap) best = now, best_theta = x_.theta, best_low = x_.low;
    if (!x_.enter() && stale > 1) break;
  }
  if (best_theta.empty()) {  // the signs never converged
    x_.refresh();
    return x_.certify();
  }
  x_.theta = best_theta;
  x_.low = best_low;
  x_.refresh();
  return best;
}

// What columns that depend on others within the noise may hide: their errors could have any size but that the penalty
// bounds their parameters, so the duality gap counts at first order, with the slopes' errors of the columns let in.
//
// Copies to the last bit hide nothing. Along a carrier, which only the mean holds, the energy is curved by the square
// of what is left of its mean, and second order does where that is less.
double Descent::unseen(const MomentError& error, double mean_gradient, Index carrier) const {
  const Factor& f = active_.factor();
  const Index spare = f.size() - f.rank() - (carrier >= 0 ? 1 : 0);
  if (spare == 0 && carrier < 0) return 0;
  if (spare > 0 && carrier < 0 && spare == copies()) return 0;
  const auto rounding_bound = [&](Index j) { return error.of_slope(x_.centred, j, x_.weight, mean_gradient); };
  double most = 0, sum = 0;
  for (const Index j : active_.columns()) most = std::max(most, rounding_bound(j));
  for (Index j = 0; j < x_.features; ++j)
    if (at(x_.theta, j) != 0) sum += std::abs(at(x_.theta, j)) * (rounding_bound(j) + most);
  if (x_.constant) sum += std::abs(at(x_.theta, x_.features)) * (error.of_mean(MomentError::kWorst) + most);
  if (carrier < 0 || spare > copies()) return 2 * sum;
  const auto own = [&](Index k) { return active_.columns()[at(f.column(k))]; };
  Numbers made(at(f.size()));
  double along = rounding_bound(own(carrier)), remainder = x_.centred.mean[own(carrier)];
  if (f.scale_at(carrier) > 0) {
    f.dependence(carrier, made.data());
    along /= f.scale_at(carrier);
    remainder = at(work_v_, carrier);
    for (Index i = 0; i < f.rank(); ++i) along += std::abs(at(made, i)) * rounding_bound(own(i)) / f.scale_at(i);
  }
  const double vv = dot(work_v_.data(), work_v_.data(), 0, f.rank());
  return std::min(2 * sum, square(along / remainder) * (1 + 2 * vv));
}

// How many of the columns let in are the same numbers as one before them, or as a penalised intercept's.
Index Descent::copies() const {
  Index count = 0;
  const std::vector<Index>& columns = active_.columns();
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

// Bounds the distances of the parameters from the minimiser's, given the diagonal of the active columns' inverse scaled
// covariances. E(theta) - E* is at least (theta - theta*)' G (theta - theta*), and the residuals are at most gap^1/2
// from those of the minimiser in root mean square: columns whose gradient then stays below l1 / 2 are 0 there as
// well.
void Descent::bound(double gap, const MomentError& error, double mean_gradient, double smallest,
                    const Numbers& diagonal, double* out) {
  // As in least squares.
  const double kept = 1 - 2 * x_.centred.lost / smallest, of_mean = error.of_mean(MomentError::kWorst);
  if (!(kept > 0)) return;
  const Factor& f = active_.factor();
  const std::vector<Index>& columns = active_.columns();
  const auto size = static_cast<Index>(columns.size());
  const double reach = std::sqrt(gap / kept);
  std::vector<char> in(at(x_.features), 0);
  for (const Index j : columns) in[at(j)] = 1;
  for (Index j = 0; j < x_.features; ++j) {
    if (in[at(j)] != 0 || !x_.movable(j)) continue;
    const double moved = reach * std::sqrt(x_.curvature(j)) + error.of_slope(x_.centred, j, x_.weight, mean_gradient);
    if (!(std::abs(x_.slope(j)) + moved < x_.half)) return;
  }
  std::fill_n(out, x_.features, 0.0);
  Numbers means(columns.size()), whitened(columns.size());
  for (Index i = 0; i < size; ++i) {
    at(means, i) = x_.centred.mean[columns[at(i)]];
    out[columns[at(f.column(i))]] = reach * std::sqrt(at(diagonal, i)) / f.scale_at(i);
  }
  f.whiten(means.data(), whitened.data());
  f.forward(whitened.data());
  if (x_.constant || x_.weight == 0)
    out[x_.features] = reach * std::sqrt(1 + dot(whitened.data(), whitened.data(), 0, size)) + of_mean;
}

void Descent::minimise(const Moments& data, double l1, Index place, const Minima& out) {
  x_.half = l1 / 2;
  x_.low.assign(x_.low.size(), 0.0);
  const auto slot = at(place);

  // A sweep costs p a flops and a step of polish() a^3 / 3: with many active coordinates sweeps continue until the
  // signs have converged.
  Index calm = 0, wanted = 1;
  for (int sweeps = 0; sweeps < 100 && calm < wanted; ++sweeps) {
    base::throw_if_interrupted();
    calm = x_.sweep() ? 0 : calm + 1;
    const Index active = x_.coordinates() - static_cast<Index>(std::count(x_.theta.begin(), x_.theta.end(), 0.0));
    wanted = std::clamp<Index>(active / 300, 1, 6);
  }
  const LassoPoint::Certificate solution = polish();

  const Index n = data.parameters();
  double* theta = out.parameters.data() + place * n;
  std::copy_n(x_.theta.begin(), x_.features, theta);
  if (data.intercept)
    theta[x_.features] =
        x_.constant ? at(x_.theta, x_.features) : residual(x_.centred.target_mean, x_.centred.mean, theta, x_.features);

  const MomentError error(x_.centred, theta);
  const double units = MomentError::expected(x_.features);
  const double mean_gradient = x_.weight * x_.rbar;
  const double margin = x_.centred.noise * (std::sqrt(static_cast<double>(x_.features) * error.squares) + error.means);
  const std::vector<Index> columns = active_set(margin);
  const Factor& f = active_.of(x_.centred, columns);
  const double smallest = f.smallest_eigenvalue();
  Numbers diagonal(columns.size());
  f.inverse_diagonal(smallest, diagonal.data());
  const double trace = std::accumulate(diagonal.begin(), diagonal.begin() + f.rank(), 0.0);
  const auto second = [&](double rounding) { return error.second(rounding, mean_gradient, trace); };
  const double lost = error.squares > 0 ? Minima::underflow(x_.features) : 0;
  const double energy_error = error.first(units, mean_gradient, solution.value) + second(units) + solution.gap + lost;
  Index rank = f.rank();
  const bool constant = x_.constant ? near(x_.features, margin) : data.intercept;
  Index carrier = -1;
  if (!constant && rank < f.size()) {
    Numbers means;
    for (const Index j : active_.columns()) means.push_back(x_.centred.mean[j]);
    work_v_.assign(means.size(), 0.0);
    f.whiten(means.data(), work_v_.data());
    f.forward(work_v_.data());
    carrier = Centred::carrier(f, means.data(), work_v_.data(), x_.centred.noise);
    rank += carrier >= 0 ? 1 : 0;
  }
  const double hidden = f.rank() < f.size() ? unseen(error, mean_gradient, carrier) : 0;
  const double rounding = second(MomentError::kWorst) + x_.rounded();
  const double gap = error.gap(solution.gap + rounding + hidden, mean_gradient, solution.value) + lost;
  out.value[slot] = solution.value;
  out.gap[slot] = gap;
  out.relative_error[slot] = energy_error == 0 ? 0 : energy_error / solution.value;
  out.rank[slot] = rank;
  out.condition[slot] =
      rank < f.size() ? std::numeric_limits<double>::infinity() : std::sqrt(f.largest_eigenvalue() / smallest);
  if (f.rank() == f.size())
    bound(gap, error, mean_gradient, smallest, diagonal, out.parameter_error.data() + place * n);
}

}  // namespace

void lasso(const Moments& data, std::span<const double> weights, bool on_intercept, int threads, const Minima& out) {
  require(data.count >= 1, "count must be at least 1, got ", data.count);
  for (const double weight : weights)
    require(std::isfinite(weight) && weight >= 0, "l1 must be finite and >= 0, got ", weight);
  std::vector<Index> order(weights.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto l1 = [&](Index k) { return weights[at(k)]; };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return l1(a) > l1(b); });
  const base::Chunks chunks{data.systems, std::max<Index>(1, systems_at_once(data.features) / 16)};
  std::vector<Descent> descents(at(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    Descent& descent = descents[at(worker)];
    for (Index system = chunks.begin(chunk); system < chunks.end(chunk); ++system) {
      descent.start(data, on_intercept, system);
      for (const Index k : order) {
        const Index slot = system * static_cast<Index>(weights.size()) + k;
        if (l1(k) > 0)
          descent.minimise(data, l1(k), slot, out);
        else
          least_squares(data.one(system), {0, on_intercept}, 1, out.one(slot, data.parameters()));
      }
    }
  });
}

}  // namespace pyrometer::minimum
