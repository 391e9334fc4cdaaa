#include "pyrometer/minimum/logistic/newton.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/data/products.hpp"

namespace pyrometer::minimum {
namespace {

// Length of the longest chain of additions in a sum over rows: lanes of a block, blocks of a chunk, chunks.
constexpr double kAdditions = 256;
// Up to this many columns an evaluation with curvature costs at most twice one without.
constexpr Index kFewColumns = 32;
// An earlier curvature is within a factor e^drift of the current one; beyond this drift no bound is computed.
constexpr double kMostDrift = 4;
// Limit of refinement steps, which improve the parameters only, and the size of X up to which they are cheap.
constexpr int kMostPolish = 4;
constexpr double kCheap = 1 << 17;
// A margin that no row has at a good start from a sample; at a minimum a row may have it.
constexpr double kFarWrong = 50;
// Limit of the evaluations of a run that makes progress.
constexpr Index kMostEvaluations = 30;
// The share of the curvature that rounding in single precision may be: bounds grow by half of it.
constexpr double kRoundedShare = 0.02;
// The aim for the Newton decrement of the mean loss: a gradient of this size in standardised columns.
constexpr double kAim = 1e-9;

/// The metric of the Hessian H at some theta: its factor, Newton steps and norms.
class Metric {
 public:
  /// H = factor * curvature, factored; false if it is singular. `lift` is a ridge relative to the diagonal, 1 for zero
  /// columns, so that samples of rows have a solution.
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

  /// An upper bound of (b' H^-1 b)^1/2 for all b with |b_j| <= bound_j. The factor 4: the eigenvalue may be
  /// overestimated.
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

bool finite(const Evaluation& evaluation, bool curvature) {
  double sum = evaluation.loss * 0;
  for (const double g : evaluation.gradient) sum += g * 0;
  const auto n = static_cast<Index>(evaluation.gradient.size()), ld = data::padded(n);
  for (Index j = 0; curvature && j < n; ++j) sum += evaluation.curvature[at(j * ld + j)] * 0;
  return sum == 0;
}

class Descent {
 public:
  Descent(LossEvaluator& evaluator, std::vector<double> theta, const NewtonOptions& options)
      : evaluator_(evaluator), options_(options) {
    result_.theta = std::move(theta);
  }

  NewtonResult run(const NewtonResult* previous) {
    const bool sampled = previous && previous->curvature;
    borrowed_ = sampled && metric_.set(previous->curvature.get(), evaluator_.columns(), rows() / previous->rows, 1e-3);
    evaluate(result_.theta, !borrowed_, here_);
    // Worse than starting from 0; or a row that is far larger than others, and on the wrong side at the minimum over a
    // sample without it.
    if (here_.loss > std::log(2.0) * rows() || (sampled && here_.least < -kFarWrong)) {
      borrowed_ = false;
      result_.theta.assign(result_.theta.size(), 0.0);
      evaluate(result_.theta, true, here_);
    }
    refresh_ = !borrowed_;
    for (;;) {
      result_.loss = here_.loss;
      if (!finite(here_, refresh_)) return end(NewtonStatus::not_finite);
      if (here_.least > 4 * margin_error()) return end(NewtonStatus::separated);
      if (!measure()) return end(NewtonStatus::undecided);
      if (options_.rough ? roughly_done() : done()) return end(NewtonStatus::converged);
      if (result_.evaluations >= options_.evaluations && !progresses()) return end(NewtonStatus::undecided);
      if (!stale_pays()) {
        evaluate(result_.theta, true, here_);
        refresh_ = true;
        continue;
      }
      if (advance()) continue;
      if (fresh_) return end(NewtonStatus::undecided);
      evaluate(result_.theta, true, here_);
      refresh_ = true;
    }
  }

 private:
  NewtonResult end(NewtonStatus status) {
    result_.status = status;
    result_.rows = rows();
    result_.stretch = reached(evaluator_.reach(), result_.step);
    if (status == NewtonStatus::converged && !options_.rough) result_.factor = metric_.release();
    if (options_.rough) result_.curvature = std::move(here_.curvature ? here_.curvature : there_.curvature);
    return std::move(result_);
  }

  [[gnu::noinline]] void evaluate(const std::vector<double>& theta, bool curvature, Evaluation& out) {
    evaluator_.evaluate(theta.data(), curvature, out, allows_single());
    ++result_.evaluations;
  }

  /// Whether the last curvature is so well conditioned that single precision suffices.
  [[nodiscard]] bool allows_single() const {
    constexpr double unit = 0x1p-24;
    return columns() * kAdditions * unit < kRoundedShare * metric_.eigenvalue();
  }

  [[nodiscard]] double rows() const { return evaluator_.weight(); }
  [[nodiscard]] double columns() const { return static_cast<double>(evaluator_.columns()); }
  /// Bound of the error of any t_i: products, their sum, and the deviation from the shift.
  [[nodiscard]] double margin_error() const {
    return (columns() + 4) * kUnit * reached(evaluator_.reach(), result_.theta);
  }

  /// Whether more evaluations are likely to find the minimum, or a direction that separates all rows: towards such a
  /// direction each step divides the loss by e, close to a minimum decrements fall faster and faster, and where some
  /// rows are separated neither happens.
  [[nodiscard]] bool progresses() const {
    return result_.evaluations < kMostEvaluations && (here_.loss < 0.9 * there_.loss || decrement_ < 0.5 * last_);
  }

  /// Decrement and step at theta; false where the curvature cannot be trusted.
  bool measure() {
    before_ = refresh_ ? 0 : decrement_;
    last_ = decrement_;
    if (refresh_) {
      const double lift = options_.rough ? 1e-3 : 0;
      bool full = metric_.set(here_.curvature.get(), evaluator_.columns(), 1, lift);
      if (here_.unit > kUnit && !allows_single()) {  // the curvature has changed
        evaluate(result_.theta, true, here_);
        full = metric_.set(here_.curvature.get(), evaluator_.columns(), 1, lift);
      }
      unit_ = here_.unit;
      if (!(full && metric_.eigenvalue() >= options_.least_eigenvalue)) {
        result_.step.resize(result_.theta.size());  // the previous step is kept
        return false;
      }
      drift_.assign(result_.theta.size(), 0.0);
      borrowed_ = false;
      result_.independent = !options_.rough;
    }
    fresh_ = refresh_;
    refresh_ = false;
    decrement_ = metric_.solve(here_.gradient, result_.step);
    return true;
  }

  [[nodiscard]] bool roughly_done() const { return decrement_ * decrement_ <= 0.25 * columns(); }

  [[nodiscard]] double aim() const { return kAim * std::sqrt(std::min(rows(), here_.loss)); }

  /// How much a step of size one is expected to shrink the decrement.
  [[nodiscard]] double contraction() const {
    return fresh_ ? reached(evaluator_.reach(), result_.step) : before_ > 0 ? decrement_ / before_ : 1;
  }

  bool done() {
    if (borrowed_) return false;
    const double error = margin_error(), unit = (columns() + 4) * kUnit;
    // Errors dt_i of t change g by D'W dt, in H^-1 no more than (sum_i w_i dt_i^2)^1/2, with dt_i <= unit |d_i| .
    // |theta|. The rest is rounding of the sums.
    const double noise = unit * metric_.length(result_.theta) + kAdditions * kUnit * metric_.most(here_.size.data());
    const double drift = reached(evaluator_.reach(), drift_), grown = std::exp(drift / 2);
    const double rounding_bound = columns() * (kAdditions * unit_ + error) / metric_.eigenvalue();
    if (!(rounding_bound < 0.25 && drift < kMostDrift)) return false;
    const double most = (decrement_ + noise) * grown / std::sqrt(1 - rounding_bound);
    // |a_i| <= sum_j reach_j |u_j|, and u has an error of `noise`; an earlier curvature gives another u of the same
    // norm.
    const double leverage = metric_.most(evaluator_.reach()) * grown / std::sqrt(1 - rounding_bound);
    const double largest = fresh_ ? 2 * reached(evaluator_.reach(), result_.step) + leverage * noise : leverage * most;
    if (!(largest <= 1)) return false;

    const double settled = std::max(aim(), 4 * noise), square = decrement_ * decrement_;
    const double changed = drift + reached(evaluator_.reach(), result_.step), bend = square * changed;
    // One more step needs no evaluation if it is certain to converge.
    const bool next = contraction() * decrement_ <= settled && bend <= 1e-15 * here_.loss;
    if (!(decrement_ <= settled || next) || !(most * most <= 1e-13 * here_.loss || decrement_ <= 4 * noise))
      return false;
    result_.loss = here_.loss - square / 2;
    result_.rounding = (kAdditions + 8) * kUnit * here_.loss + bend;
    for (std::size_t j = 0; j < result_.theta.size(); ++j)
      result_.rounding += unit * here_.size[j] * std::abs(result_.theta[j]);
    polish(noise, rounding_bound);
    return true;
  }

  /// Takes the last steps, which do not change the loss beyond rounding: each reduces the gradient by the relative
  /// change of the curvature since it was computed.
  void polish(double noise, double rounding_bound) {
    const bool cheap = rows() * columns() <= kCheap;
    const double sharp = 16 * kUnit * metric_.length(result_.theta);
    double changed = 0, remaining = 0;
    for (int count = 0;; ++count) {
      changed = reached(evaluator_.reach(), drift_) + reached(evaluator_.reach(), result_.step);
      remaining = std::expm1(changed) * decrement_;
      // With an earlier curvature convergence is linear; the factor of the first step is half of the later ones.
      const double likely = count > 0 ? 4 * decrement_ * (decrement_ / before_) : remaining;
      const bool enough = cheap ? std::min(remaining, likely) <= sharp : likely_remaining() <= 1e-11;
      step();
      if (enough || count == kMostPolish) break;
      evaluator_.gradient(result_.theta.data(), here_.gradient);
      ++result_.evaluations;
      before_ = decrement_;
      decrement_ = metric_.solve(here_.gradient, result_.step);
    }
    const double growth = std::exp(changed / 2) / std::sqrt(1 - rounding_bound),
                 after = (remaining + noise * growth) * growth;
    const bool near = metric_.most(evaluator_.reach()) * growth * after <= 0.5;
    result_.excess = after * after;
    result_.radius = near ? 2 * std::log(2.0) * after * growth : INFINITY;
  }

  /// The expected decrement of the mean loss after a step: the bound with a typical row in place of the largest.
  [[nodiscard]] double likely_remaining() const {
    return decrement_ * (before_ + decrement_) / std::min(rows(), here_.loss);
  }
  void step() {
    for (std::size_t j = 0; j < result_.theta.size(); ++j) {
      result_.theta[j] += result_.step[j];
      drift_[j] += result_.step[j];
    }
  }

  /// Whether to continue with an earlier curvature instead of computing a new one at theta.
  [[nodiscard]] bool stale_pays() const {
    if (fresh_ || (borrowed_ && before_ == 0)) return true;
    if (borrowed_ || reached(evaluator_.reach(), drift_) >= kMostDrift) return false;
    const double factor = contraction(), remaining = std::log(aim() / decrement_);
    return factor < 0.5 && remaining / std::log(factor) < 2 + columns() / 16;
  }

  /// Whether the next evaluation should include curvature.
  [[nodiscard]] bool next_with_curvature() const {
    if (!fresh_) return borrowed_;
    const double far = options_.rough ? 0.05 : 0.01;  // a curvature nearby is enough where the minimum is rough
    return evaluator_.columns() <= kFewColumns ? contraction() > 0.1 : decrement_ * decrement_ > far * rows();
  }

  /// Armijo line search along the Newton step; false if the loss does not decrease.
  bool advance() {
    const double slope = decrement_ * decrement_;
    const double slack = 64 * kUnit * here_.loss;
    double t = std::min(1.0, options_.longest / reached(evaluator_.reach(), result_.step));
    for (int attempt = 0; attempt < 40; ++attempt) {
      trial_ = result_.theta;
      for (std::size_t j = 0; j < trial_.size(); ++j) trial_[j] += t * result_.step[j];
      const bool curvature = next_with_curvature();
      evaluate(trial_, curvature, there_);
      if (there_.loss <= here_.loss - 1e-4 * t * slope + slack) {
        drift_.resize(trial_.size());
        for (std::size_t j = 0; j < trial_.size(); ++j) drift_[j] += trial_[j] - result_.theta[j];
        std::swap(result_.theta, trial_);
        std::swap(here_, there_);
        refresh_ = curvature;
        return true;
      }
      // The minimum of the parabola through the loss here, its slope, and the loss there.
      const double rise = there_.loss - here_.loss + t * slope, best = t * t * slope / (2 * rise);
      t = std::isfinite(best) ? std::clamp(best, 0.1 * t, 0.5 * t) : 0.1 * t;
    }
    return false;
  }

  LossEvaluator& evaluator_;
  NewtonOptions options_;
  NewtonResult result_;
  Evaluation here_, there_;
  Metric metric_;
  std::vector<double> trial_, drift_;
  double decrement_ = 0, before_ = 0, last_ = 0;
  double unit_ = kUnit;  // of the rounding errors of the metric
  bool fresh_ = false, refresh_ = false, borrowed_ = false;
};

}  // namespace

double NewtonResult::error_of(const std::vector<double>& c, std::vector<double>& work) const {
  if (factor.size() != std::ssize(c)) return 0;  // no parameters
  work.resize(c.size());
  factor.whiten(c.data(), work.data());
  factor.forward(work.data());
  double sum = 0;
  for (const double z : work) sum += z * z;
  return std::sqrt(sum) * radius;
}

NewtonResult newton(LossEvaluator& evaluator, std::vector<double> theta, const NewtonOptions& options,
                    const NewtonResult* previous) {
  return Descent(evaluator, std::move(theta), options).run(previous);
}

}  // namespace pyrometer::minimum
