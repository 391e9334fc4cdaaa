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
#include "pyrometer/minimum/dense/double_double.hpp"
#include "pyrometer/minimum/dense/moment_error.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/lasso/active_factor.hpp"
#include "pyrometer/minimum/lasso/point.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"

namespace pyrometer::minimum {
namespace {

// The search over active sets of one system; what it allocates is kept for the next.
class Descent {
 public:
  void start(const Moments& data, bool on_intercept, Index system) {
    x_.start(data, on_intercept, system);
    active_.clear();
  }
  // From where the last one ended.
  void minimise(const Moments& data, double l1, Index slot, const Minima& out);

 private:
  bool newton(std::vector<Index>& active, Numbers& direction);
  bool advance(const std::vector<Index>& active, const Numbers& direction, bool flat);
  LassoPoint::Certificate polish();
  [[nodiscard]] bool near(Index j, double margin) const;
  [[nodiscard]] std::vector<Index> let_in(double margin) const;
  void null_vector(Index k, double share, Numbers& direction) const;
  [[nodiscard]] double unseen(const MomentError& error, double pull, Index carrier) const;
  [[nodiscard]] Index copies() const;
  void bound(double gap, const MomentError& error, double pull, double smallest, const Numbers& diagonal, double* out);
  LassoPoint x_;
  LassoFactor active_;
  Numbers work_u_, work_v_;
};

// Adds share * (what pivot k of the active factor is, less what it is made of) to the direction.
void Descent::null_vector(Index k, double share, Numbers& direction) const {
  const Factor& f = active_.factor();
  const double unit = f.scale_at(k) > 0 ? f.scale_at(k) : 1;
  at(direction, f.column(k)) += share / unit;
  if (f.scale_at(k) == 0) return;
  Numbers made(static_cast<std::size_t>(f.size()));
  f.dependence(k, made.data());
  for (Index i = 0; i < f.rank(); ++i) at(direction, f.column(i)) -= share * at(made, i) / f.scale_at(i);
}

// Whether the pull of a coordinate is that of the penalty, or so near to it that rounding may have made the difference.
bool Descent::near(Index j, double margin) const {
  return at(x_.theta, j) != 0 || (x_.movable(j) && std::abs(x_.slope(j)) >= x_.half - margin * x_.size(j));
}

std::vector<Index> Descent::let_in(double margin) const {
  std::vector<Index> columns;
  for (Index j = 0; j < x_.features; ++j)
    if (near(j, margin)) columns.push_back(j);
  return columns;
}

// The direction to the minimum for the present signs, over the active coordinates; or, where the quadratic form is
// singular there, a direction along which only the penalty changes. Returns true for the second. Reorders `active`.
bool Descent::newton(std::vector<Index>& active, Numbers& direction) {
  const bool with_constant = !active.empty() && active.back() == x_.features;
  const Index k = static_cast<Index>(active.size()) - (with_constant ? 1 : 0);
  const double weight = with_constant ? 0 : x_.weight;
  direction.assign(active.size(), 0.0);
  const Factor& f = active_.of(x_.centred, {active.begin(), active.begin() + k});
  std::copy(active_.columns().begin(), active_.columns().end(), active.begin());

  Numbers pull(active.size()), means(static_cast<std::size_t>(k));
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    pull[i] = x_.slope(j) - x_.half * sign(at(x_.theta, j));
  }
  for (Index i = 0; i < k; ++i) at(means, i) = x_.centred.mean[active[static_cast<std::size_t>(i)]];
  if (with_constant)  // eliminated: the mean of the residuals then is x_.half * its sign
    for (Index i = 0; i < k; ++i) at(pull, i) -= at(means, i) * pull.back();

  const Index r = f.rank();
  work_u_.assign(static_cast<std::size_t>(k), 0.0);
  work_v_.assign(static_cast<std::size_t>(k), 0.0);
  f.whiten(pull.data(), work_u_.data());
  f.forward(work_u_.data());
  double vv = 0, uv = 0;
  Index carrier = -1;
  if (weight > 0) {
    f.whiten(means.data(), work_v_.data());
    f.forward(work_v_.data());
    for (Index i = 0; i < r; ++i) vv += square(at(work_v_, i)), uv += at(work_v_, i) * at(work_u_, i);
    carrier = Centred::carrier(f, means.data(), work_v_.data(), x_.centred.noise);
  }
  const auto left_of = [&](const Numbers& whitened, const Numbers& raw, Index i) {
    return f.scale_at(i) > 0 ? at(whitened, i) : at(raw, f.column(i));
  };

  const bool flat = k - r > (carrier >= 0 ? 1 : 0);
  if (flat) {
    Index spare = r == carrier ? r + 1 : r;
    null_vector(spare, 1, direction);
    if (carrier >= 0)
      null_vector(carrier, -left_of(work_v_, means, spare) / left_of(work_v_, means, carrier), direction);
  } else {
    double alpha = 0;
    if (carrier >= 0) {
      const double own = left_of(work_v_, means, carrier), tau = left_of(work_u_, pull, carrier) / own;
      alpha = (tau - uv + vv * tau) / own;
      for (Index i = 0; i < r; ++i) at(work_u_, i) -= tau * at(work_v_, i);
    } else if (vv > 0) {
      // u - v uv / (1 + vv) in parts across v and along it: a mean far beyond the deviations, vv > 1 / rounding, would
      // leave of the second what rounding leaves of the first. Across twice: what is along v is then gone.
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
    direction.back() = (flat ? 0 : pull.back()) - moved;
  }
  return flat;
}

// Exact line search: the energy along the direction is convex, quadratic between the changes of sign. Returns whether
// the minimum for the present signs was reached.
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
    Doubled sum{at(x_.theta, j), at(x_.low, j)};
    sum.add(step * way * direction[i]);
    at(x_.theta, j) = j == stop ? 0 : sum.value();
    at(x_.low, j) = j == stop ? 0 : (sum.hi - at(x_.theta, j)) + sum.lo;
  }
  x_.refresh();
  return !flat && stop < 0 && crossed == 0;
}

// Exact steps from where the sweeps have led; returns with what refresh() computes up to date.
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
  if (best_theta.empty()) {  // no signs ever settled
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
double Descent::unseen(const MomentError& error, double pull, Index carrier) const {
  const Factor& f = active_.factor();
  const Index spare = f.size() - f.rank() - (carrier >= 0 ? 1 : 0);
  if (spare == 0 && carrier < 0) return 0;
  if (spare > 0 && carrier < 0 && spare == copies()) return 0;
  const auto doubt = [&](Index j) { return error.of_slope(x_.centred, j, x_.weight, pull); };
  double most = 0, sum = 0;
  for (const Index j : active_.columns()) most = std::max(most, doubt(j));
  for (Index j = 0; j < x_.features; ++j)
    if (at(x_.theta, j) != 0) sum += std::abs(at(x_.theta, j)) * (doubt(j) + most);
  if (x_.constant) sum += std::abs(at(x_.theta, x_.features)) * (error.of_mean(MomentError::kWorst) + most);
  if (carrier < 0 || spare > copies()) return 2 * sum;
  const auto own = [&](Index k) { return active_.columns()[static_cast<std::size_t>(f.column(k))]; };
  Numbers made(static_cast<std::size_t>(f.size()));
  double along = doubt(own(carrier)), left = x_.centred.mean[own(carrier)];
  if (f.scale_at(carrier) > 0) {
    f.dependence(carrier, made.data());
    along /= f.scale_at(carrier);
    left = at(work_v_, carrier);
    for (Index i = 0; i < f.rank(); ++i) along += std::abs(at(made, i)) * doubt(own(i)) / f.scale_at(i);
  }
  const double vv = dot(work_v_.data(), work_v_.data(), 0, f.rank());
  return std::min(2 * sum, square(along / left) * (1 + 2 * vv));
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
// from those of the minimiser in root mean square: columns whose pull stays below the penalty's then are 0 there as
// well.
void Descent::bound(double gap, const MomentError& error, double pull, double smallest, const Numbers& diagonal,
                    double* out) {
  // As in least squares.
  const double kept = 1 - 2 * x_.centred.lost / smallest, of_mean = error.of_mean(MomentError::kWorst);
  if (!(kept > 0)) return;
  const Factor& f = active_.factor();
  const std::vector<Index>& columns = active_.columns();
  const auto size = static_cast<Index>(columns.size());
  const double reach = std::sqrt(gap / kept);
  std::vector<char> in(static_cast<std::size_t>(x_.features), 0);
  for (const Index j : columns) in[static_cast<std::size_t>(j)] = 1;
  for (Index j = 0; j < x_.features; ++j) {
    if (in[static_cast<std::size_t>(j)] != 0 || !x_.movable(j)) continue;
    const double moved = reach * std::sqrt(x_.curvature(j)) + error.of_slope(x_.centred, j, x_.weight, pull);
    if (!(std::abs(x_.slope(j)) + moved < x_.half)) return;
  }
  std::fill_n(out, x_.features, 0.0);
  Numbers means(columns.size()), whitened(columns.size());
  for (Index i = 0; i < size; ++i) {
    at(means, i) = x_.centred.mean[columns[static_cast<std::size_t>(i)]];
    out[columns[static_cast<std::size_t>(f.column(i))]] = reach * std::sqrt(at(diagonal, i)) / f.scale_at(i);
  }
  f.whiten(means.data(), whitened.data());
  f.forward(whitened.data());
  if (x_.constant || x_.weight == 0)
    out[x_.features] = reach * std::sqrt(1 + dot(whitened.data(), whitened.data(), 0, size)) + of_mean;
}

void Descent::minimise(const Moments& data, double l1, Index place, const Minima& out) {
  x_.half = l1 / 2;
  x_.low.assign(x_.low.size(), 0.0);
  const auto slot = static_cast<std::size_t>(place);

  // A sweep costs p a flops and a step of polish() a^3 / 3: with many active coordinates it pays to see the signs
  // settle.
  Index calm = 0, wanted = 1;
  for (int sweeps = 0; sweeps < 100 && calm < wanted; ++sweeps) {
    base::throw_if_interrupted();
    calm = x_.sweep() ? 0 : calm + 1;
    const Index active = x_.coordinates() - static_cast<Index>(std::count(x_.theta.begin(), x_.theta.end(), 0.0));
    wanted = std::clamp<Index>(active / 300, 1, 6);
  }
  const LassoPoint::Certificate found = polish();

  const Index n = data.parameters();
  double* theta = out.parameters.data() + place * n;
  std::copy_n(x_.theta.begin(), x_.features, theta);
  if (data.intercept)
    theta[x_.features] =
        x_.constant ? at(x_.theta, x_.features) : residual(x_.centred.target_mean, x_.centred.mean, theta, x_.features);

  const MomentError error(x_.centred, theta);
  const double units = MomentError::expected(x_.features);
  const double pull = x_.weight * x_.rbar;
  const double margin = x_.centred.noise * (std::sqrt(static_cast<double>(x_.features) * error.squares) + error.means);
  const std::vector<Index> columns = let_in(margin);
  const Factor& f = active_.of(x_.centred, columns);
  const double smallest = f.smallest_eigenvalue();
  Numbers diagonal(columns.size());
  f.inverse_diagonal(smallest, diagonal.data());
  const double trace = std::accumulate(diagonal.begin(), diagonal.begin() + f.rank(), 0.0);
  const auto second = [&](double rounding) { return error.second(rounding, pull, trace); };
  const double lost = error.squares > 0 ? Minima::underflow(x_.features) : 0;
  const double doubt = error.first(units, pull, found.value) + second(units) + found.gap + lost;
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
  const double hidden = f.rank() < f.size() ? unseen(error, pull, carrier) : 0;
  const double rounding = second(MomentError::kWorst) + x_.rounded();
  const double gap = error.gap(found.gap + rounding + hidden, pull, found.value) + lost;
  out.value[slot] = found.value;
  out.gap[slot] = gap;
  out.relative_error[slot] = doubt == 0 ? 0 : doubt / found.value;
  out.rank[slot] = rank;
  out.condition[slot] =
      rank < f.size() ? std::numeric_limits<double>::infinity() : std::sqrt(f.largest_eigenvalue() / smallest);
  if (f.rank() == f.size()) bound(gap, error, pull, smallest, diagonal, out.parameter_error.data() + place * n);
}

}  // namespace

void lasso(const Moments& data, std::span<const double> weights, bool on_intercept, int threads, const Minima& out) {
  require(data.count >= 1, "count must be at least 1, got ", data.count);
  for (const double weight : weights)
    require(std::isfinite(weight) && weight >= 0, "l1 must be finite and >= 0, got ", weight);
  std::vector<Index> order(weights.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto l1 = [&](Index k) { return weights[static_cast<std::size_t>(k)]; };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return l1(a) > l1(b); });
  const base::Chunks chunks{data.systems, std::max<Index>(1, systems_at_once(data.features) / 16)};
  std::vector<Descent> descents(static_cast<std::size_t>(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    Descent& descent = descents[static_cast<std::size_t>(worker)];
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
