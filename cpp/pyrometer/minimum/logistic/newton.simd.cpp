#include "pyrometer/minimum/logistic/newton.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyrometer::minimum {
namespace {

// Additions one after the other on the way of a row's term into a sum: lanes of a block, blocks of a chunk, chunks.
constexpr double kAdditions = 256;
// Up to here a look with curvature costs at most twice one without.
constexpr Index kFewColumns = 32;
// Old curvature bounds new by e^drift; beyond this no bound is asked for.
constexpr double kMostDrift = 4;
// Looks that only make parameters better, and the numbers up to which they are cheap.
constexpr int kMostPolish = 4;
constexpr double kCheap = 1 << 17;
// The aim for the Newton decrement of the mean loss: a gradient of this size in standardised columns.
constexpr double kAim = 1e-9;

/// What the curvature at some theta says about gradients and steps.
class Metric {
 public:
  /// Takes `factor` times the curvature. `lift` raises the diagonal by this part, and columns of zeros to 1, so that
  /// samples of rows have an answer, too.
  bool set(const double* curvature, Index n, double factor, double lift) {
    const Index ld = data::padded(n);
    n_ = n;
    factor_.prepare(n);
    for (Index i = 0; i < n; ++i) {
      const double diagonal = factor * curvature[i * ld + i];
      factor_.scale(i) = diagonal > 0 ? std::sqrt(diagonal * (1 + lift)) : lift > 0 ? 1 : 0;
    }
    for (Index i = 0; i < n; ++i) {
      const double* from = curvature + i * ld;
      double* to = factor_.row(i);
      for (Index j = i; j < n; ++j) to[j] = factor * from[j] / factor_.scale(i) / factor_.scale(j);
    }
    factor_.run(kAdditions * kUnit);
    eigenvalue_ = factor_.rank() == n ? factor_.smallest_eigenvalue() : 0;
    return factor_.rank() == n;
  }
  [[nodiscard]] double eigenvalue() const { return eigenvalue_; }

  /// step = -H^-1 g; returns (g' H^-1 g)^1/2.
  double solve(const std::vector<double>& gradient, std::vector<double>& step) {
    work_.resize(gradient.size());
    step.resize(gradient.size());
    factor_.whiten(gradient.data(), work_.data());
    factor_.forward(work_.data());
    double square = 0;
    for (const double z : work_) square += z * z;
    factor_.backward(work_.data());
    for (Index k = 0; k < n_; ++k) step[at(factor_.column(k))] = -work_[at(k)] / factor_.scale_at(k);
    return std::sqrt(square);
  }

  /// At least (b' H^-1 b)^1/2 for every b with |b_j| <= bound_j. The estimate of the eigenvalue is from above: hence 4.
  [[nodiscard]] double most(const double* bound) const {
    double square = 0;
    for (Index j = 0; j < n_; ++j) {
      const double b = bound[j] / factor_.scale(j);
      square += b * b;
    }
    return std::sqrt(4 * square / eigenvalue_);
  }

  [[nodiscard]] Factor release() { return std::move(factor_); }

  /// sum_j |x_j| H_jj^1/2.
  [[nodiscard]] double length(const std::vector<double>& x) const {
    double sum = 0;
    for (Index j = 0; j < n_; ++j) sum += std::abs(x[at(j)]) * factor_.scale(j);
    return sum;
  }

 private:
  Factor factor_;
  Index n_ = 0;
  double eigenvalue_ = 0;
  std::vector<double> work_;
};

double reached(const double* reach, const std::vector<double>& x) {
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) sum += reach[j] * std::abs(x[j]);
  return sum;
}

bool finite(const Look& look, bool curvature) {
  double sum = look.loss * 0;
  for (const double g : look.gradient) sum += g * 0;
  const auto n = static_cast<Index>(look.gradient.size()), ld = data::padded(n);
  for (Index j = 0; curvature && j < n; ++j) sum += look.curvature[at(j * ld + j)] * 0;
  return sum == 0;
}

class Descent {
 public:
  Descent(Sweep& sweep, std::vector<double> theta, const Goal& goal) : sweep_(sweep), goal_(goal) {
    run_.theta = std::move(theta);
  }

  Run go(const Run* before) {
    borrowed_ = before && before->curvature &&
                metric_.set(before->curvature.get(), sweep_.columns(), rows() / before->rows, 1e-3);
    look(run_.theta, !borrowed_, here_);
    if (here_.loss > std::log(2.0) * rows()) {  // a start that is worse than none
      borrowed_ = false;
      run_.theta.assign(run_.theta.size(), 0.0);
      look(run_.theta, true, here_);
    }
    refresh_ = !borrowed_;
    for (;;) {
      run_.loss = here_.loss;
      if (!finite(here_, refresh_)) return end(Ending::not_finite);
      if (here_.least > 4 * margin_error()) return end(Ending::separated);
      if (!measure()) return end(Ending::doubtful);
      if (goal_.rough ? roughly_done() : done()) return end(Ending::converged);
      if (run_.looks >= goal_.looks) return end(Ending::doubtful);
      if (!stale_pays()) {
        look(run_.theta, true, here_);
        refresh_ = true;
        continue;
      }
      if (advance()) continue;
      if (fresh_) return end(Ending::doubtful);
      look(run_.theta, true, here_);
      refresh_ = true;
    }
  }

 private:
  Run end(Ending ending) {
    run_.ending = ending;
    run_.rows = rows();
    run_.stretch = reached(sweep_.reach(), run_.step);
    if (ending == Ending::converged && !goal_.rough) run_.factor = metric_.release();
    if (goal_.rough) run_.curvature = std::move(here_.curvature ? here_.curvature : there_.curvature);
    return std::move(run_);
  }

  void look(const std::vector<double>& theta, bool curvature, Look& out) {
    sweep_.look(theta.data(), curvature, out);
    ++run_.looks;
  }

  [[nodiscard]] double rows() const { return static_cast<double>(sweep_.rows()); }
  [[nodiscard]] double columns() const { return static_cast<double>(sweep_.columns()); }
  /// Bound of the error of any t_i: products, their sum, and the deviation from the shift.
  [[nodiscard]] double margin_error() const { return (columns() + 4) * kUnit * reached(sweep_.reach(), run_.theta); }

  /// Decrement and step at theta; false where the curvature cannot be trusted.
  bool measure() {
    before_ = refresh_ ? 0 : decrement_;
    if (refresh_) {
      const bool full = metric_.set(here_.curvature.get(), sweep_.columns(), 1, goal_.rough ? 1e-3 : 0);
      if (!(full && metric_.eigenvalue() >= goal_.least_eigenvalue)) {
        run_.step.resize(run_.theta.size());  // the last one, if there was one, still points the way
        return false;
      }
      drift_.assign(run_.theta.size(), 0.0);
      borrowed_ = false;
    }
    fresh_ = refresh_;
    refresh_ = false;
    decrement_ = metric_.solve(here_.gradient, run_.step);
    return true;
  }

  [[nodiscard]] bool roughly_done() const { return decrement_ * decrement_ <= 0.25 * columns(); }

  [[nodiscard]] double aim() const { return kAim * std::sqrt(std::min(rows(), here_.loss)); }

  /// How much a step of size one is expected to shrink the decrement.
  [[nodiscard]] double contraction() const {
    return fresh_ ? reached(sweep_.reach(), run_.step) : before_ > 0 ? decrement_ / before_ : 1;
  }

  bool done() {
    if (borrowed_) return false;
    const double error = margin_error(), unit = (columns() + 4) * kUnit;
    // Errors dt_i of t change g by D'W dt, in H^-1 no more than (sum_i w_i dt_i^2)^1/2, with dt_i <= unit |d_i| .
    // |theta|. The rest is rounding of the sums.
    const double noise = unit * metric_.length(run_.theta) + kAdditions * kUnit * metric_.most(here_.size.data());
    const double drift = reached(sweep_.reach(), drift_), grown = std::exp(drift / 2);
    const double doubt = columns() * (kAdditions * kUnit + error) / metric_.eigenvalue();
    if (!(doubt < 0.25 && drift < kMostDrift)) return false;
    const double most = (decrement_ + noise) * grown / std::sqrt(1 - doubt);
    // |a_i| <= sum_j reach_j |u_j|, and u is known to the noise; an old curvature gives another u, but the same length.
    const double leverage = metric_.most(sweep_.reach()) * grown / std::sqrt(1 - doubt);
    const double largest = fresh_ ? 2 * reached(sweep_.reach(), run_.step) + leverage * noise : leverage * most;
    if (!(largest <= 1)) return false;

    const double settled = std::max(aim(), 4 * noise), square = decrement_ * decrement_;
    const double changed = drift + reached(sweep_.reach(), run_.step), bend = square * changed;
    // One more step needs no look if it is sure to be good enough.
    const bool next = contraction() * decrement_ <= settled && bend <= 1e-15 * here_.loss;
    if (!(decrement_ <= settled || next) || !(most * most <= 1e-13 * here_.loss || decrement_ <= 4 * noise))
      return false;
    run_.loss = here_.loss - square / 2;
    run_.rounding = (kAdditions + 8) * kUnit * here_.loss + bend;
    for (std::size_t j = 0; j < run_.theta.size(); ++j) run_.rounding += unit * here_.size[j] * std::abs(run_.theta[j]);
    polish(noise, doubt);
    return true;
  }

  /// Takes the last steps, of which the loss is known already: each leaves the next gradient smaller by what margins,
  /// and with them curvature, have changed since it was made.
  void polish(double noise, double doubt) {
    const bool cheap = rows() * columns() <= kCheap;
    const double sharp = 16 * kUnit * metric_.length(run_.theta);
    double changed = 0, left = 0;
    for (int count = 0;; ++count) {
      changed = reached(sweep_.reach(), drift_) + reached(sweep_.reach(), run_.step);
      left = std::expm1(changed) * decrement_;
      // The curvature being old, steps shrink by the same factor again and again, the first one's being half of it.
      const double likely = count > 0 ? 4 * decrement_ * (decrement_ / before_) : left;
      const bool enough = cheap ? std::min(left, likely) <= sharp : likely_left() <= 1e-11;
      step();
      if (enough || count == kMostPolish) break;
      sweep_.gradient(run_.theta.data(), here_.gradient);
      ++run_.looks;
      before_ = decrement_;
      decrement_ = metric_.solve(here_.gradient, run_.step);
    }
    const double growth = std::exp(changed / 2) / std::sqrt(1 - doubt), after = (left + noise * growth) * growth;
    const bool near = metric_.most(sweep_.reach()) * growth * after <= 0.5;
    run_.excess = after * after;
    run_.radius = near ? 2 * std::log(2.0) * after * growth : INFINITY;
  }

  /// What a step is likely to leave of the decrement of the mean loss: its bound with a typical row for the largest.
  [[nodiscard]] double likely_left() const {
    return decrement_ * (before_ + decrement_) / std::min(rows(), here_.loss);
  }
  void step() {
    for (std::size_t j = 0; j < run_.theta.size(); ++j) {
      run_.theta[j] += run_.step[j];
      drift_[j] += run_.step[j];
    }
  }

  /// Whether to go on with an old curvature rather than to ask for a new one here.
  [[nodiscard]] bool stale_pays() const {
    if (fresh_ || (borrowed_ && before_ == 0)) return true;
    if (borrowed_ || reached(sweep_.reach(), drift_) >= kMostDrift) return false;
    const double factor = contraction(), left = std::log(aim() / decrement_);
    return factor < 0.5 && left / std::log(factor) < 2 + columns() / 16;
  }

  /// Whether curvature at the next theta will be worth its cost.
  [[nodiscard]] bool next_with_curvature() const {
    if (!fresh_) return borrowed_;
    return sweep_.columns() <= kFewColumns ? contraction() > 0.1 : decrement_ * decrement_ > 0.01 * rows();
  }

  /// A step along run_.step that makes the loss fall; false if none does.
  bool advance() {
    const double slope = decrement_ * decrement_;
    const double slack = 64 * kUnit * here_.loss;
    double t = 1;
    for (int attempt = 0; attempt < 40; ++attempt) {
      trial_ = run_.theta;
      for (std::size_t j = 0; j < trial_.size(); ++j) trial_[j] += t * run_.step[j];
      const bool curvature = next_with_curvature();
      look(trial_, curvature, there_);
      if (there_.loss <= here_.loss - 1e-4 * t * slope + slack) {
        drift_.resize(trial_.size());
        for (std::size_t j = 0; j < trial_.size(); ++j) drift_[j] += trial_[j] - run_.theta[j];
        std::swap(run_.theta, trial_);
        std::swap(here_, there_);
        refresh_ = curvature;
        return true;
      }
      // The parabola through the loss here, its slope, and the loss there.
      const double rise = there_.loss - here_.loss + t * slope, best = t * t * slope / (2 * rise);
      t = std::isfinite(best) ? std::clamp(best, 0.1 * t, 0.5 * t) : 0.1 * t;
    }
    return false;
  }

  Sweep& sweep_;
  Goal goal_;
  Run run_;
  Look here_, there_;
  Metric metric_;
  std::vector<double> trial_, drift_;
  double decrement_ = 0, before_ = 0;
  bool fresh_ = false, refresh_ = false, borrowed_ = false;
};

}  // namespace

double Run::error_of(const std::vector<double>& c, std::vector<double>& work) const {
  if (factor.size() != std::ssize(c)) return 0;  // no parameters
  work.resize(c.size());
  factor.whiten(c.data(), work.data());
  factor.forward(work.data());
  double sum = 0;
  for (const double z : work) sum += z * z;
  return std::sqrt(sum) * radius;
}

Run newton(Sweep& sweep, std::vector<double> theta, const Goal& goal, const Run* before) {
  return Descent(sweep, std::move(theta), goal).go(before);
}

}  // namespace pyrometer::minimum
