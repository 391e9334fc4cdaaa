#include "pyrometer/minimum/softmax/descent.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

namespace pyrometer::minimum {
namespace {

constexpr Index kMostNewton = 60, kMostQuasi = 80;
constexpr std::size_t kMemory = 20;
// Relative to the loss, the squared decrement to aim for, and the gap that a certificate must reach.
constexpr double kAim = 1e-15, kEnough = 1e-11;
// Steps whose squared decrements fall by e^-1 within the second number, after which rows seem to be separated if it is
// below the third, relative to the loss: all rows of a rare class converge like this, too, while their loss matters.
constexpr Index kDriftingSteps = 4;
constexpr double kDriftTolerance = 0.02, kDriftingPart = 1e-8;
// Newton's method ends undecided after this number of steps that lower the loss by less than this part of it, as where
// columns are so nearly dependent that steps are rounding errors.
constexpr Index kStalledSteps = 5;
constexpr double kStalledPart = 1e-14;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

template <class T>
class Descent {
 public:
  Descent(SoftmaxEvaluator<T>& evaluator, std::vector<double> theta) : evaluator_(evaluator) {
    result_.theta = std::move(theta);
  }

  DescentResult newton(const std::vector<Index>& free, NewtonAim aim) {
    const bool rough = aim == NewtonAim::rough;
    SoftmaxMetric& metric = result_.metric;
    evaluate(result_.theta, Wanted::products, here_);
    for (Index count = 0;; ++count) {
      if (!finite()) return end(DescentStatus::not_finite);
      if (here_.least > 4 * logit_error()) return end(DescentStatus::separated);
      if (!metric.of_products(here_, evaluator_.columns(), evaluator_.classes(), free, 1, rough ? 1e-3 : 0) ||
          !(metric.eigenvalue() > (rough ? 0 : 1e-12)))
        return end(DescentStatus::undecided);
      const double before = decrement_;
      decrement_ = metric.solve(here_.gradient, step_);
      if (rough ? square(decrement_) <= 0.25 * static_cast<double>(evaluator_.parameters()) : certified(metric, kAim))
        return end(DescentStatus::converged);
      if (aim == NewtonAim::minimum_or_drift && drifts(before)) {
        result_.drifting = true;
        return end(DescentStatus::undecided);
      }
      const double loss = here_.loss;
      const bool stalled = aim == NewtonAim::minimum_or_drift && stalled_ == kStalledSteps;
      if (stalled || count == (rough ? 15 : kMostNewton) || !advance(Wanted::products)) {
        const bool enough = !rough && certified(metric, kEnough);
        return end(enough ? DescentStatus::converged : DescentStatus::undecided);
      }
      stalled_ = here_.loss < loss * (1 - kStalledPart) ? 0 : stalled_ + 1;
    }
  }

  DescentResult quasi_newton(SoftmaxMetric& metric, Index most) {
    evaluate(result_.theta, Wanted::gradient, here_);
    for (Index count = 0;; ++count) {
      if (!finite()) return end(DescentStatus::not_finite);
      if (here_.least > 4 * logit_error()) return end(DescentStatus::separated);
      decrement_ = direction(metric);
      if (square(decrement_) <= 0.1 * kAim * here_.loss) break;
      const std::vector<double> theta = result_.theta, gradient = here_.gradient;
      if (count == kMostQuasi || result_.evaluations >= most || !advance(Wanted::gradient)) break;
      remember(theta, gradient);
    }
    evaluate(result_.theta, Wanted::least_gram, here_);
    SoftmaxMetric& bound = result_.metric;
    if (!bound.of_least_gram(here_, evaluator_.columns(), evaluator_.classes())) return end(DescentStatus::undecided);
    decrement_ = bound.solve(here_.gradient, step_);
    return end(certified(bound, kEnough) ? DescentStatus::converged : DescentStatus::undecided);
  }

 private:
  DescentResult end(DescentStatus status) {
    result_.status = status;
    result_.loss = here_.loss;
    result_.least = here_.least;
    result_.last = std::move(here_);
    return std::move(result_);
  }

  void evaluate(const std::vector<double>& theta, Wanted wanted, SoftmaxEvaluation& out) {
    evaluator_.evaluate(theta, wanted, out);
    ++result_.evaluations;
  }

  /// Whether this step and those before converge as for separated rows, given the decrement before.
  bool drifts(double before) {
    const bool slow = std::abs(square(decrement_ / before) * std::exp(1.0) - 1) <= kDriftTolerance;
    drifting_ = slow ? drifting_ + 1 : 0;
    return drifting_ >= kDriftingSteps && square(decrement_) <= kDriftingPart * here_.loss;
  }

  [[nodiscard]] bool finite() const {
    double sum = here_.loss * 0;
    for (const double g : here_.gradient) sum += g * 0;
    return sum == 0;
  }

  /// A bound of |d_i . x_c| for all rows and classes.
  [[nodiscard]] double reached(const std::vector<double>& x) const {
    const Index n = evaluator_.columns();
    double most = 0;
    for (Index c = 0; c + 1 < evaluator_.classes(); ++c) {
      double sum = 0;
      for (Index j = 0; j < n; ++j) sum += evaluator_.reach(c)[j] * std::abs(x[at(c * n + j)]);
      most = std::max(most, sum);
    }
    return most;
  }
  [[nodiscard]] double unit() const { return static_cast<double>(evaluator_.columns() + 4) * kUnit; }
  /// Bound of the error of any logit: products, their sum, and the deviation from the shift.
  [[nodiscard]] double logit_error() const { return unit() * reached(result_.theta); }

  /// Whether the decrement in `metric` certifies theta to a gap of `aim` times the loss, or to rounding.
  bool certified(const SoftmaxMetric& metric, double aim) {
    const double noise = unit() * metric.length(result_.theta) + kAdditions * kUnit * metric.most(here_.size),
                 most = decrement_ + noise;
    const double leverage = leverage_in(metric);
    const double largest =
        metric.bounds() ? leverage * most : std::min(leverage * most, 2 * reached(step_) + leverage * noise);
    if (!(2 * largest <= 0.5)) return false;
    double rounding = (kAdditions + 8) * kUnit * here_.loss;
    for (std::size_t j = 0; j < result_.theta.size(); ++j)
      rounding += unit() * here_.size[j] * std::abs(result_.theta[j]);
    // The error of the sums in H changes the decrement by little.
    result_.gap = 1.1 * most * most + rounding;
    if (!(most * most <= aim * here_.loss || decrement_ <= 4 * noise)) return false;
    refine(metric, noise, leverage);
    return true;
  }

  /// The largest norm in H^-1 of d_i of any one class, so that |a_ic| is at most this times |g|.
  [[nodiscard]] double leverage_in(const SoftmaxMetric& metric) const {
    std::vector<double> reach(at(evaluator_.parameters()), 0.0);
    double leverage = 0;
    for (Index c = 0; c + 1 < evaluator_.classes(); ++c) {
      std::fill(reach.begin(), reach.end(), 0.0);
      for (Index j = 0; j < evaluator_.columns(); ++j) reach[at(c * evaluator_.columns() + j)] = evaluator_.reach(c)[j];
      leverage = std::max(leverage, metric.most(reach));
    }
    return leverage;
  }

  /// Takes a last step, where the metric is that of the Hessian, and bounds the distance from the minimiser.
  void refine(const SoftmaxMetric& metric, double noise, double leverage) {
    const double error =
        static_cast<double>(evaluator_.parameters()) * (kAdditions * kUnit + 2 * logit_error()) / metric.eigenvalue();
    double after = decrement_, growth = 1;
    if (metric.bounds()) {
      // Errors dz of logits change g_c by at most sum_i p_ic (1 - p_ic) max_b,c |dz_ib - dz_ic| |d_i|, and p (1 - p) is
      // at most the size of the slope.
      noise = (kAdditions * kUnit + 2 * logit_error()) * metric.most(here_.size);
    } else {
      for (std::size_t j = 0; j < step_.size(); ++j) result_.theta[j] += step_[j];
      const double changed = 2 * reached(step_);
      after = std::expm1(changed) * decrement_;
      growth = std::exp(changed / 2);
    }
    if (!(error < 0.25)) return;
    growth /= std::sqrt(1 - error);
    after = (after + noise * growth) * growth;
    if (2 * leverage * growth * after <= 0.5) result_.radius = 2 * std::log(2.0) * after * growth;
  }

  /// Armijo line search along step_; false if the loss does not decrease.
  bool advance(Wanted wanted) {
    const double slope = -dot(here_.gradient, step_), slack = 64 * kUnit * here_.loss;
    double t = 1;
    for (int attempt = 0; attempt < 40; ++attempt) {
      trial_ = result_.theta;
      for (std::size_t j = 0; j < trial_.size(); ++j) trial_[j] += t * step_[j];
      evaluate(trial_, wanted, there_);
      if (there_.loss <= here_.loss - 1e-4 * t * slope + slack) {
        std::swap(result_.theta, trial_);
        std::swap(here_, there_);
        return true;
      }
      // The minimum of the parabola through the loss here, its slope, and the loss there.
      const double rise = there_.loss - here_.loss + t * slope, best = t * t * slope / (2 * rise);
      t = std::isfinite(best) ? std::clamp(best, 0.1 * t, 0.5 * t) : 0.1 * t;
    }
    return false;
  }

  struct Pair {
    std::vector<double> move, change;
    double inverse;
  };

  /// The step of the two-loop recursion; returns the decrement in the metric of the sample.
  double direction(SoftmaxMetric& metric) {
    std::vector<double> q = here_.gradient, alphas(pairs_.size());
    const double decrement = metric.solve(here_.gradient, step_);
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      alphas[k] = dot(pairs_[k].move, q) * pairs_[k].inverse;
      for (std::size_t j = 0; j < q.size(); ++j) q[j] -= alphas[k] * pairs_[k].change[j];
    }
    metric.solve(q, step_);
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const double beta = -dot(pairs_[k].change, step_) * pairs_[k].inverse;
      for (std::size_t j = 0; j < q.size(); ++j) step_[j] -= (alphas[k] - beta) * pairs_[k].move[j];
    }
    return decrement;
  }

  void remember(const std::vector<double>& theta, const std::vector<double>& gradient) {
    Pair pair{result_.theta, here_.gradient, 0};
    for (std::size_t j = 0; j < theta.size(); ++j) pair.move[j] -= theta[j], pair.change[j] -= gradient[j];
    const double product = dot(pair.move, pair.change);
    if (!(product > 0)) return;
    pair.inverse = 1 / product;
    if (pairs_.size() == kMemory) pairs_.pop_front();
    pairs_.push_back(std::move(pair));
  }

  SoftmaxEvaluator<T>& evaluator_;
  DescentResult result_;
  SoftmaxEvaluation here_, there_;
  std::vector<double> step_, trial_;
  std::deque<Pair> pairs_;
  double decrement_ = 0;
  Index drifting_ = 0, stalled_ = 0;  ///< the numbers of steps
};

}  // namespace

template <class T>
DescentResult newton(SoftmaxEvaluator<T>& evaluator, std::vector<double> theta, const std::vector<Index>& free,
                     NewtonAim aim) {
  return Descent<T>(evaluator, std::move(theta)).newton(free, aim);
}

template <class T>
DescentResult quasi_newton(SoftmaxEvaluator<T>& evaluator, std::vector<double> theta, SoftmaxMetric& metric,
                           Index most) {
  return Descent<T>(evaluator, std::move(theta)).quasi_newton(metric, most);
}

template DescentResult newton(SoftmaxEvaluator<double>&, std::vector<double>, const std::vector<Index>&, NewtonAim);
template DescentResult newton(SoftmaxEvaluator<float>&, std::vector<double>, const std::vector<Index>&, NewtonAim);
template DescentResult quasi_newton(SoftmaxEvaluator<double>&, std::vector<double>, SoftmaxMetric&, Index);
template DescentResult quasi_newton(SoftmaxEvaluator<float>&, std::vector<double>, SoftmaxMetric&, Index);

}  // namespace pyrometer::minimum
