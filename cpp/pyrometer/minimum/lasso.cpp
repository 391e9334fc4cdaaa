#include "pyrometer/minimum/lasso.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/centred.hpp"
#include "pyrometer/minimum/doubled.hpp"
#include "pyrometer/minimum/least_squares.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

double square(double x) { return x * x; }
double sign(double x) { return x > 0 ? 1 : (x < 0 ? -1 : 0); }
double& at(Numbers& x, Index i) { return x[static_cast<std::size_t>(i)]; }
double at(const Numbers& x, Index i) { return x[static_cast<std::size_t>(i)]; }

// One system. Parameters are sums of two doubles: with a penalised intercept and large means the gradient feels the
// rounding of a parameter long before the energy does, and a dual point needs a gradient that is right. Coordinates 0
// .. p-1 are the features, p the constant one where it is penalised; a free intercept is eliminated. c_j = mean x_j r =
// covariance_j + weight mean_j rbar is half the fall of the squared error along j.
class Descent {
 public:
  void minimise(const Moments& data, const Penalty& l1, Index system, bool may_ask, const Minima& out);

 private:
  struct Certificate {
    double value;
    double gap;
  };

  [[nodiscard]] Index coordinates() const { return p_ + (constant_ ? 1 : 0); }
  [[nodiscard]] const double* scatter(Index j) const { return c_.scatter + j * (p_ + 1); }
  [[nodiscard]] double mean(Index j) const { return j == p_ ? 1 : c_.mean[j]; }
  [[nodiscard]] double slope(Index j) const { return (j == p_ ? 0 : at(covariance_, j)) + weight_ * mean(j) * rbar_; }
  [[nodiscard]] bool movable(Index j) const {
    return j == p_ || c_.factor.scale(j) > 0 || (weight_ > 0 && c_.mean[j] != 0);
  }
  [[nodiscard]] double scale(Index j) const { return j == p_ ? 0 : c_.factor.scale(j); }

  void refresh();
  void shift(Index j, double by);
  bool sweep();
  [[nodiscard]] Certificate certify() const;
  bool newton(const std::vector<Index>& active, Numbers& direction);
  bool advance(const std::vector<Index>& active, const Numbers& direction, bool flat);
  void polish(bool may_ask);
  void null_vector(Index k, double share, Numbers& direction) const;

  Centred c_;
  Factor active_factor_;
  Index p_ = 0;
  bool constant_ = false;
  double weight_ = 0;  // of the squared mean of the residuals: 0 where a free intercept removes it
  double half_ = 0;    // l1 / 2
  double rbar_ = 0;
  double added_sign_ = 0;
  Index added_ = -1;
  Numbers theta_, low_, covariance_, work_u_, work_v_, work_n_;
};

void Descent::refresh() {
  double* q = covariance_.data();
  for (Index j = 0; j < p_; ++j) q[j] = c_.target_row[j];
  for (Index j = 0; j < p_; ++j) {
    const double t = at(theta_, j);
    if (t == 0) continue;
    const double* row = scatter(j);
    for (Index k = 0; k < p_; ++k) q[k] -= t * row[k];
  }
  for (Index j = 0; j < p_; ++j) q[j] /= c_.count;
  Doubled left{c_.target_mean, 0};
  for (Index j = 0; j < p_; ++j) {
    left.add_product(-at(theta_, j), c_.mean[j]);
    left.add_product(-at(low_, j), c_.mean[j]);
  }
  if (constant_) left.add(Doubled{-at(theta_, p_), -at(low_, p_)});
  rbar_ = weight_ > 0 ? left.value() : 0;
}

void Descent::shift(Index j, double by) {
  at(theta_, j) += by;
  rbar_ -= weight_ * by * mean(j);
  if (j == p_) return;
  const double* row = scatter(j);
  const double share = by / c_.count;
  double* q = covariance_.data();
  for (Index k = 0; k < p_; ++k) q[k] -= share * row[k];
}

// Minimises along every coordinate in turn. Returns whether a coordinate entered, left or changed sign.
bool Descent::sweep() {
  bool changed = false;
  for (Index j = 0; j < coordinates(); ++j) {
    if (!movable(j)) continue;
    const double curvature = (j == p_ ? 0 : scatter(j)[j] / c_.count) + weight_ * square(mean(j));
    const double old = at(theta_, j), pull = slope(j) + curvature * old;
    const double wanted = std::abs(pull) > half_ ? (pull - sign(pull) * half_) / curvature : 0;
    if (wanted == old) continue;
    shift(j, wanted - old);
    at(theta_, j) = wanted;
    changed = changed || sign(wanted) != sign(old);
  }
  return changed;
}

Descent::Certificate Descent::certify() const {
  double squares = c_.target_variance, most = 0, length = 0;
  for (Index j = 0; j < p_; ++j) {
    const double t = at(theta_, j);
    if (t != 0) squares -= t * (c_.target_row[j] / c_.count + at(covariance_, j));
  }
  squares = std::max(squares, 0.0) + weight_ * square(rbar_);
  for (Index j = 0; j < coordinates(); ++j)
    if (movable(j)) most = std::max(most, std::abs(slope(j)));
  const double s = most > half_ ? half_ / most : 1;
  double gap = square(1 - s) * squares;
  for (Index j = 0; j < coordinates(); ++j) {
    const double t = at(theta_, j);
    if (t == 0) continue;
    length += std::abs(t);
    gap += 2 * std::abs(t) * std::max(half_ - s * slope(j) * sign(t), 0.0);
  }
  return {squares + 2 * half_ * length, gap};
}

// Adds share * (what pivot k of the active factor is, less what it is made of) to the direction.
void Descent::null_vector(Index k, double share, Numbers& direction) const {
  const Factor& f = active_factor_;
  const double unit = f.scale_at(k) > 0 ? f.scale_at(k) : 1;
  at(direction, f.column(k)) += share / unit;
  if (f.scale_at(k) == 0) return;
  Numbers made(static_cast<std::size_t>(f.size()));
  f.dependence(k, made.data());
  for (Index i = 0; i < f.rank(); ++i) at(direction, f.column(i)) -= share * at(made, i) / f.scale_at(i);
}

// The direction to the minimum for the present signs, over the active coordinates; or, where the quadratic form is
// singular there, a direction along which only the penalty changes. Returns true for the second.
bool Descent::newton(const std::vector<Index>& active, Numbers& direction) {
  const bool with_constant = !active.empty() && active.back() == p_;
  const Index k = static_cast<Index>(active.size()) - (with_constant ? 1 : 0);
  const double weight = with_constant ? 0 : weight_;
  direction.assign(active.size(), 0.0);

  Numbers pull(active.size()), means(static_cast<std::size_t>(k));
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    pull[i] = slope(j) - half_ * (j == added_ ? added_sign_ : sign(at(theta_, j)));
  }
  for (Index i = 0; i < k; ++i) at(means, i) = c_.mean[active[static_cast<std::size_t>(i)]];
  if (with_constant)  // eliminated: the mean of the residuals then is half_ * its sign
    for (Index i = 0; i < k; ++i) at(pull, i) -= at(means, i) * pull.back();

  Factor& f = active_factor_;
  f.prepare(k);
  for (Index i = 0; i < k; ++i) f.scale(i) = scale(active[static_cast<std::size_t>(i)]);
  for (Index i = 0; i < k; ++i) {
    const double* from = scatter(active[static_cast<std::size_t>(i)]);
    const double share = c_.count * f.scale(i);
    for (Index l = i + 1; l < k; ++l)
      f.row(i)[l] = share > 0 && f.scale(l) > 0 ? from[active[static_cast<std::size_t>(l)]] / share / f.scale(l) : 0;
  }
  f.run(c_.tolerance());
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
    carrier = Centred::carrier(f, means.data(), work_v_.data(), c_.noise);
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
    double tau = uv / (1 + vv), alpha = 0;
    if (carrier >= 0) {
      const double own = left_of(work_v_, means, carrier);
      tau = left_of(work_u_, pull, carrier) / own;
      alpha = (tau - uv + vv * tau) / own;
    }
    for (Index i = 0; i < r; ++i) at(work_u_, i) -= weight * tau * at(work_v_, i);
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
  const auto sign_of = [&](Index j) { return j == added_ ? added_sign_ : sign(at(theta_, j)); };
  double gain = 0, way = 1;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    gain += direction[i] * ((flat ? 0 : slope(j)) - half_ * sign_of(j));
  }
  if (flat && gain < 0) gain = -gain, way = -1;
  const double curvature = flat ? 0 : gain;
  std::vector<std::pair<double, std::size_t>> crossings;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const double d = way * direction[i], t = at(theta_, active[i]);
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
    slope_sum += 2 * half_ * std::abs(direction[i]);
    if (-gain + where * curvature + slope_sum >= 0) {
      step = where;
      stop = active[i];
      break;
    }
  }
  if (stop < 0 && !flat) step = (gain - slope_sum) / curvature;
  if (!(step > 0) || !std::isfinite(step)) return true;
  for (std::size_t i = 0; i < active.size(); ++i) {
    const Index j = active[i];
    Doubled sum{at(theta_, j), at(low_, j)};
    sum.add(step * way * direction[i]);
    at(theta_, j) = j == stop ? 0 : sum.value();
    at(low_, j) = j == stop ? 0 : (sum.hi - at(theta_, j)) + sum.lo;
  }
  refresh();
  return !flat && stop < 0 && crossed == 0;
}

void Descent::polish(bool may_ask) {
  Numbers direction, best_theta = theta_, best_low = low_;
  std::vector<Index> active;
  Certificate best = certify();
  const Index limit = 200 + 20 * coordinates();
  int stale = 0;
  added_ = -1;
  for (Index round = 0; round < limit && stale < 8; ++round) {
    if (may_ask) base::throw_if_interrupted();
    active.clear();
    for (Index j = 0; j < coordinates(); ++j)
      if (at(theta_, j) != 0 || j == added_) active.push_back(j);
    bool settled = true;
    if (!active.empty()) {
      const bool flat = newton(active, direction);
      settled = advance(active, direction, flat);
    }
    added_ = -1;
    if (!settled) continue;
    const Certificate now = certify();
    if (now.gap < best.gap || now.value < best.value) {
      stale = now.gap < 0.5 * best.gap || now.value < best.value ? 0 : stale + 1;
      if (now.gap < best.gap) best = now, best_theta = theta_, best_low = low_;
    } else {
      ++stale;
    }
    if (now.gap <= 1e-14 * now.value) break;
    double worst = half_ * (1 + 4 * std::numeric_limits<double>::epsilon());
    for (Index j = 0; j < coordinates(); ++j)
      if (at(theta_, j) == 0 && movable(j) && std::abs(slope(j)) > worst) worst = std::abs(slope(j)), added_ = j;
    if (added_ >= 0) added_sign_ = sign(slope(added_));
    if (added_ < 0 && stale > 1) break;
  }
  theta_ = best_theta;
  low_ = best_low;
  refresh();
}

void Descent::minimise(const Moments& data, const Penalty& l1, Index system, bool may_ask, const Minima& out) {
  c_.assemble(data, system, 0);
  p_ = data.features;
  constant_ = data.intercept && l1.on_intercept;
  weight_ = data.intercept && !constant_ ? 0 : 1;
  half_ = l1.weight / 2;
  const auto slot = static_cast<std::size_t>(system);
  const auto features = static_cast<std::size_t>(p_);
  theta_.assign(features + 1, 0.0);
  low_.assign(features + 1, 0.0);
  covariance_.assign(features, 0.0);
  refresh();

  Certificate found = certify();
  for (int sweeps = 0, calm = 0; sweeps < 100 && calm < 3 && found.gap > 1e-14 * found.value; ++sweeps) {
    if (may_ask) base::throw_if_interrupted();
    calm = sweep() ? 0 : calm + 1;
    found = certify();
  }
  refresh();
  polish(may_ask);
  found = certify();

  // The gap was that of theta + low; theta alone lies above it by low' G low + sum low_j (2 c_j - l1 sign theta_j).
  double above = 0, low_mean = constant_ ? at(low_, p_) : 0;
  for (Index j = 0; j < p_; ++j) low_mean += at(low_, j) * c_.mean[j];
  for (Index j = 0; j < coordinates(); ++j) above += 2 * at(low_, j) * (slope(j) - half_ * sign(at(theta_, j)));
  const double rounded = std::abs(above) + weight_ * square(low_mean);

  const Index n = data.parameters();
  double* theta = out.parameters.data() + system * n;
  std::copy_n(theta_.begin(), p_, theta);
  if (data.intercept) theta[p_] = constant_ ? at(theta_, p_) : residual(c_.target_mean, c_.mean, theta, p_);

  double reach = c_.target_scale, mean_reach = std::abs(c_.target_mean), width = 0;
  for (Index j = 0; j < p_; ++j) {
    reach += std::abs(theta[j]) * c_.factor.scale(j);
    mean_reach += std::abs(theta[j] * c_.mean[j]);
    width += theta[j] != 0;
  }
  const Factor& factor = c_.factor;
  const double smallest = factor.smallest_eigenvalue();
  const double epsilon = std::numeric_limits<double>::epsilon();
  const double second = square(c_.noise * reach) * width / smallest + square(epsilon * mean_reach);
  const double error = c_.noise * square(reach) + 4 * epsilon * std::abs(rbar_) * mean_reach + second + found.gap;
  Index rank = factor.rank();
  if (!data.intercept && rank < p_) {
    work_v_.assign(features, 0.0);
    factor.whiten(c_.mean, work_v_.data());
    factor.forward(work_v_.data());
    rank += Centred::carrier(factor, c_.mean, work_v_.data(), c_.noise) >= 0 ? 1 : 0;
  }
  out.value[slot] = found.value;
  out.gap[slot] = found.gap + second + rounded;
  out.relative_error[slot] = error == 0 ? 0 : error / found.value;
  out.rank[slot] = rank;
  out.condition[slot] =
      rank < p_ ? std::numeric_limits<double>::infinity() : std::sqrt(factor.largest_eigenvalue() / smallest);
}

}  // namespace

void lasso(const Moments& data, const Penalty& l1, int threads, const Minima& out) {
  require(data.count >= 1, "count must be at least 1, got ", data.count);
  require(std::isfinite(l1.weight) && l1.weight >= 0, "l1 must be finite and >= 0, got ", l1.weight);
  if (l1.weight == 0) return least_squares(data, l1, threads, out);
  const base::Chunks chunks{data.systems, std::max<Index>(1, systems_at_once(data.features) / 16)};
  std::vector<Descent> descents(static_cast<std::size_t>(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    for (Index system = chunks.begin(chunk); system < chunks.end(chunk); ++system)
      descents[static_cast<std::size_t>(worker)].minimise(data, l1, system, worker == 0, out);
  });
}

}  // namespace pyrometer::minimum
