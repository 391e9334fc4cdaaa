#include "pyrometer/minimum/logistic/pairs.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/faces/elimination.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;
using Wide = std::vector<DoubleDouble>;

// Of one iteration, and of all; and the numbers of iterations and evaluations after which no others begin.
constexpr double kMostOperations = 1 << 27, kMostInAll = 1LL << 33;
constexpr double kMostIterations = 100, kMostEvaluations = 300;
// Of more pairs an attempt ends where in this number of steps neither the loss nor the decrement falls to these parts,
// as where rows that are nearly alike take turns in the Hessian: without distant ones they do not.
constexpr Index kFewLosses = 1 << 13;
constexpr double kStalledSteps = 16, kStalledLoss = 0.999, kStalledDecrement = 0.25;
// Rows of weights below the first, in units of their mean, with at most the second part of the loss are left out.
constexpr double kSmallWeight = 1e-8, kLight = 1e-15;
constexpr std::uint8_t kNone = 2;
// Classes at these distances below the largest logit of a row are left out, in this order of attempts.
constexpr double kDistances[] = {INFINITY, 60, 33, 28, 100, 250};
// Relative to the loss, the squared decrement to aim for, and the gap that suffices.
constexpr double kAim = 1e-15, kSufficient = 1e-11, kGood = 1e-9;
constexpr double kLeastEigenvalue = 1e-12;
// Length of the longest chain of additions in a sum over rows.
constexpr double kAdditions = 256;
constexpr Index kBlockOfRows = 128;
// The same where rows come in the order of their weights in the Hessian, the least weight, and the iterations of each.
constexpr double kGradedDistances[] = {INFINITY, 60, 33}, kLeastFactor = 1e-150, kGradedIterations = 20;

/// sum_i w_i ln(1 + sum_q e^-t_q) + linear . psi + constant, where t = offset + M psi and q are the pairs of row i.
struct Losses {
  Index width = 0;
  Numbers M, offset;
  std::vector<Index> begin{0};  ///< the first pair of each row, and the number of pairs
  Numbers weight;               ///< of each row
  Numbers linear;
  double constant = 0, size = 0;  ///< of the linear terms at psi = 0: their sum, and that of their absolute values

  [[nodiscard]] Index rows() const { return std::ssize(weight); }
};

/// Newton's method with a line search.
class Newton {
 public:
  explicit Newton(const Losses& losses) : losses_(losses), psi_(at(losses.width), 0.0) { here_ = loss_at(psi_); }

  [[nodiscard]] const Numbers& psi() const { return psi_; }
  [[nodiscard]] double loss() const { return here_; }
  [[nodiscard]] Index evaluations() const { return evaluations_; }
  /// A bound of the rounding error of the loss.
  [[nodiscard]] double error() const {
    double sum = (kAdditions + 8) * kUnit * (here_ + losses_.size);
    for (std::size_t k = 0; k < size_.size(); ++k) sum += unit() * size_[k] * std::abs(psi_[k]);
    return sum;
  }

  /// Iterates until the minimum is certified, or nothing helps. Returns the gap, infinity if there is no certificate.
  double run(double iterations) {
    if (losses_.width == 0) return error();
    const bool brief = std::ssize(losses_.offset) > kFewLosses;
    double loss = INFINITY, decrement = INFINITY;  // some steps before
    for (double count = 0;; ++count) {
      base::throw_if_interrupted();
      derive();
      const double gap = certified();
      if (gap <= kSufficient * here_ || count >= iterations) return gap;
      if (brief && std::fmod(count, kStalledSteps) == 0) {
        if (here_ > kStalledLoss * loss && decrement_ > kStalledDecrement * decrement) return gap;
        loss = here_, decrement = decrement_;
      }
      if (!advance()) return gap;
    }
  }

 private:
  [[nodiscard]] const double* row(Index q) const { return losses_.M.data() + q * losses_.width; }
  [[nodiscard]] double product(Index q, const Numbers& x) const {
    double sum = 0;
    for (Index k = 0; k < losses_.width; ++k) sum += row(q)[k] * x[at(k)];
    return sum;
  }

  /// The loss; and, in t_, the margins.
  double loss_at(const Numbers& psi) {
    ++evaluations_;
    t_.resize(losses_.offset.size());
    for (std::size_t q = 0; q < t_.size(); ++q) t_[q] = losses_.offset[q] + product(static_cast<Index>(q), psi);
    DoubleDouble sum = losses_.constant;
    for (std::size_t k = 0; k < psi.size(); ++k) sum.add_product(losses_.linear[k], psi[k]);
    for (Index i = 0; i < losses_.rows(); ++i) {
      double most = 0, others = 0;
      const Index end = losses_.begin[at(i) + 1];
      for (Index q = losses_.begin[at(i)]; q < end; ++q) most = std::max(most, -t_[at(q)]);
      for (Index q = losses_.begin[at(i)]; q < end; ++q) others += std::exp(-t_[at(q)] - most);
      const double one = most > 0 ? most + std::log(std::exp(-most) + others) : std::log1p(others);
      sum.add(losses_.weight[at(i)] * one);
    }
    return sum.value();
  }

  /// Probabilities of the pairs, gradient, the sizes of its terms, the factored Hessian and the step at psi_.
  void derive() {
    const Index n = losses_.width;
    p_.resize(t_.size());
    gradient_ = losses_.linear;
    size_.assign(at(n), 0.0);
    for (Index k = 0; k < n; ++k) size_[at(k)] = std::abs(gradient_[at(k)]);
    Numbers hessian(at(n * n), 0.0), part(hessian.size()), slope(at(n)), difference(at(n));
    for (Index first = 0; first < losses_.rows(); first += kBlockOfRows) {
      std::fill(part.begin(), part.end(), 0.0);
      std::fill(slope.begin(), slope.end(), 0.0);
      for (Index i = first; i < std::min(first + kBlockOfRows, losses_.rows()); ++i) add(i, part, slope, difference);
      for (std::size_t k = 0; k < hessian.size(); ++k) hessian[k] += part[k];
      for (std::size_t k = 0; k < slope.size(); ++k) gradient_[k] += slope[k];
    }
    factor_.prepare(n);
    for (Index j = 0; j < n; ++j) factor_.scale(j) = std::sqrt(hessian[at(j * n + j)]);
    for (Index i = 0; i < n; ++i)
      for (Index j = i; j < n; ++j)
        if (factor_.scale(i) > 0 && factor_.scale(j) > 0)
          factor_.row(i)[j] = hessian[at(i * n + j)] / factor_.scale(i) / factor_.scale(j);
    factor_.run(kAdditions * kUnit);
    solve();
  }

  void add(Index i, Numbers& hessian, Numbers& slope, Numbers& difference) {
    const Index n = losses_.width, begin = losses_.begin[at(i)], end = losses_.begin[at(i) + 1];
    const double weight = losses_.weight[at(i)];
    double most = 0, sum = 0;
    for (Index q = begin; q < end; ++q) most = std::max(most, -t_[at(q)]);
    for (Index q = begin; q < end; ++q) sum += p_[at(q)] = std::exp(-t_[at(q)] - most);
    const double own = std::exp(-most) / (sum + std::exp(-most));
    const auto add_square = [&](const double* x, double factor) {
      if (!(factor > 0)) return;
      for (Index j = 0; j < n; ++j) {
        const double scaled = factor * x[j];
        double* const __restrict to = hessian.data() + j * n;
        if (x[j] == 0) continue;
        for (Index k = j; k < n; ++k) to[k] += scaled * x[k];
      }
    };
    for (Index q = begin; q < end; ++q) p_[at(q)] /= sum + std::exp(-most);
    for (Index q = begin; q < end; ++q) {
      const double* const x = row(q);
      for (Index k = 0; k < n; ++k) {
        slope[at(k)] -= weight * p_[at(q)] * x[k];
        size_[at(k)] += weight * p_[at(q)] * std::abs(x[k]);
      }
      add_square(x, weight * own * p_[at(q)]);
      for (Index r = begin; r < q; ++r) {
        for (Index k = 0; k < n; ++k) difference[at(k)] = x[k] - row(r)[k];
        add_square(difference.data(), weight * p_[at(q)] * p_[at(r)]);
      }
    }
  }

  /// The step in the independent coordinates, and the decrement.
  void solve() {
    const Index n = losses_.width;
    Numbers work(at(n));
    step_.assign(at(n), 0.0);
    factor_.whiten(gradient_.data(), work.data());
    factor_.forward(work.data());
    double square = 0;
    for (Index k = 0; k < factor_.rank(); ++k) square += work[at(k)] * work[at(k)];
    for (Index k = factor_.rank(); k < n; ++k) work[at(k)] = 0;
    factor_.backward(work.data());
    for (Index k = 0; k < factor_.rank(); ++k) step_[at(factor_.column(k))] = -work[at(k)] / factor_.scale_at(k);
    decrement_ = std::sqrt(square);
  }

  [[nodiscard]] double unit() const { return static_cast<double>(losses_.width + 4) * kUnit; }

  /// The gap at psi_; infinity if there is no certificate. See descent.hpp.
  [[nodiscard]] double certified() const {
    if (factor_.rank() < losses_.width) return INFINITY;
    const double eigenvalue = factor_.smallest_eigenvalue();
    if (!(eigenvalue > kLeastEigenvalue)) return INFINITY;
    const auto most_of = [&](const Numbers& bound) {
      double square = 0;
      for (Index k = 0; k < losses_.width; ++k) {
        const double b = bound[at(k)] / factor_.scale(k);
        square += b * b;
      }
      return std::sqrt(4 * square / eigenvalue);
    };
    // Errors dt of margins change the gradient, in the norm of the inverse Hessian, by at most (sum w p dt^2)^1/2.
    double square = 0;
    for (Index i = 0; i < losses_.rows(); ++i)
      for (Index q = losses_.begin[at(i)]; q < losses_.begin[at(i) + 1]; ++q) {
        double terms = std::abs(losses_.offset[at(q)]);
        for (Index k = 0; k < losses_.width; ++k) terms += std::abs(row(q)[k] * psi_[at(k)]);
        square += losses_.weight[at(i)] * p_[at(q)] * terms * terms;
      }
    const double noise = unit() * std::sqrt(square) + kAdditions * kUnit * most_of(size_), most = decrement_ + noise;
    if (!(most * most <= here_ && feasible(noise))) return INFINITY;
    return 1.1 * most * most + error();
  }

  /// Whether the dual point is certain to be nonnegative: 2 |M_q . step| <= 1/2, where the step has an error of
  /// `noise`.
  [[nodiscard]] bool feasible(double noise) const {
    Numbers work(at(losses_.width));
    for (Index q = 0; q < std::ssize(t_); ++q) {
      factor_.whiten(row(q), work.data());
      factor_.forward(work.data());
      double square = 0;
      for (const double x : work) square += x * x;
      if (!(2 * (std::abs(product(q, step_)) + 1.1 * noise * std::sqrt(square)) <= 0.5)) return false;
    }
    return true;
  }

  /// The largest change of a margin in the step.
  [[nodiscard]] double farthest() const {
    double most = 0;
    for (Index q = 0; q < std::ssize(t_); ++q) most = std::max(most, std::abs(product(q, step_)));
    return most;
  }

  bool advance() {
    if (decrement_ * decrement_ <= 0.01 * kAim * here_ && farthest() <= 0.1) return false;
    const double slope = decrement_ * decrement_, slack = 64 * kUnit * (here_ + losses_.size);
    double t = 1;
    for (int attempt = 0; attempt < 40; ++attempt) {
      Numbers trial = psi_;
      for (std::size_t k = 0; k < trial.size(); ++k) trial[k] += t * step_[k];
      if (const double there = loss_at(trial); there <= here_ - 1e-4 * t * slope + slack) {
        psi_ = std::move(trial);
        here_ = there;
        return true;
      }
      t *= 0.3;
    }
    here_ = loss_at(psi_);
    return false;
  }

  const Losses& losses_;
  Numbers psi_, t_, p_, gradient_, size_, step_;
  Factor factor_;
  double here_ = 0, decrement_ = 0;
  Index evaluations_ = 0;
};

/// The pairs of rows and allowed classes, the differences of their logits in the coordinates of an elimination, and the
/// point that is best so far.
class Pairs {
 public:
  Pairs(const data::Rows<double>& rows, Index classes, const std::vector<std::uint8_t>& allowed)
      : rows_(rows), classes_(classes), elimination_(differences(allowed), (classes - 1) * rows.features, factors_) {}

  [[nodiscard]] Index count() const { return std::ssize(row_of_); }
  [[nodiscard]] const Elimination& elimination() const { return elimination_; }
  [[nodiscard]] Numbers& phi() { return phi_; }
  /// A bound of what rounding of the elimination changes in the loss at theta.
  [[nodiscard]] double error_of(const Numbers& theta) const {
    double sum = 0;
    for (Index q = 0; q < count(); ++q) sum += weight(row_of_[at(q)]) * elimination_.error_of(q, theta);
    return sum;
  }

  /// The loss at the point that minimises it without classes that are this far below, with a bound of its rounding
  /// error, and a lower bound of the infimum, from there; -infinity if there is none.
  struct Bounds {
    double loss = INFINITY, error = 0, least = -INFINITY;
    Index evaluations = 0;
  };
  ///
  /// graded: in margins of the rows that weigh most in the Hessian there, instead of the largest.
  [[nodiscard]] Bounds minimise(double distance, double iterations, bool graded);

 private:
  /// The classes that are not left out: the losses of their pairs, and the parts of these that are not yet in the
  /// coordinates of an elimination of their own.
  struct Choice {
    std::vector<std::uint8_t> in;   ///< of each pair, whether its class c is one
    std::vector<std::uint8_t> own;  ///< of each row with pairs, whether its own class is one; or kNone
    Losses losses;
    Wide active, linear;
    Numbers factors;  ///< of the rows of `active`

    /// Multiplies the factors by the roots of p (1 - p), p the probabilities of the pairs: rows in the order of what
    /// they add to the Hessian.
    void grade();
  };

  /// z_y - z_c of each pair.
  [[nodiscard]] Numbers margins() const {
    Numbers out;
    for (Index q = 0; q < count(); ++q) {
      DoubleDouble sum;
      for (Index k = 0; k < elimination_.rank(); ++k) sum = sum + lower(q)[k] * phi_[at(k)];
      out.push_back(sum.hi);
    }
    return out;
  }

  [[nodiscard]] Index end_of(Index q) const {
    Index end = q;
    while (end < count() && row_of_[at(end)] == row_of_[at(q)]) ++end;
    return end;
  }

  Choice choose(double distance) const {
    Choice out;
    out.in.assign(at(count()), 0);
    out.linear.resize(at(elimination_.rank()));
    const Numbers t = margins();
    double total = 0;
    for (Index q = 0, end = 0; q < count(); q = end) {
      end = end_of(q);
      total += weight(row_of_[at(q)]) * loss(t, q, end);
    }
    DoubleDouble constant;
    for (Index q = 0, end = 0; q < count(); q = end) {
      end = end_of(q);
      const auto lowest = std::min_element(t.begin() + q, t.begin() + end);
      const double most = std::max(0.0, -*lowest);
      const Index base = most <= distance ? -1 : lowest - t.begin();  // -1: the row's own class
      const double factor = weight(row_of_[at(q)]);
      const bool light = std::isfinite(distance) && factor < kSmallWeight && factor * loss(t, q, end) <= kLight * total;
      for (Index r = q; r < end && !light; ++r) {
        out.in[at(r)] = most + t[at(r)] <= distance;
        if (out.in[at(r)] && r != base) add(r, base, out);
      }
      if (base >= 0 && !light) {
        for (std::size_t k = 0; k < out.linear.size(); ++k) out.linear[k] = out.linear[k] - lower(base)[k] * factor;
        constant = constant - DoubleDouble(factor) * t[at(base)];
        out.losses.size += factor * std::abs(t[at(base)]);
      }
      out.own.push_back(light ? kNone : base < 0);
      out.losses.weight.push_back(factor);
      out.losses.begin.push_back(std::ssize(out.losses.offset));
    }
    out.losses.constant = constant.hi;
    return out;
  }

  void add(Index pair, Index base, Choice& to) const {
    DoubleDouble offset;
    for (Index k = 0; k < elimination_.rank(); ++k) {
      to.active.push_back(base < 0 ? lower(pair)[k] : lower(pair)[k] - lower(base)[k]);
      offset = offset + to.active.back() * phi_[at(k)];
    }
    to.factors.push_back(factors_[at(pair)]);
    to.losses.offset.push_back(offset.hi);
  }

  /// The loss of the row whose pairs are q to end.
  static double loss(const Numbers& t, Index q, Index end) {
    double most = 0, sum = 0;
    for (Index r = q; r < end; ++r) most = std::max(most, -t[at(r)]);
    for (Index r = q; r < end; ++r) sum += std::exp(-t[at(r)] - most);
    return most > 0 ? most + std::log(std::exp(-most) + sum) : std::log1p(sum);
  }

  /// What the classes that were left out add to the losses.
  [[nodiscard]] double left_out(const Choice& choice) const {
    const Numbers t = margins();
    DoubleDouble sum;
    std::size_t row = 0;
    for (Index q = 0, end = 0; q < count(); q = end, ++row) {
      end = end_of(q);
      if (choice.own[row] == kNone) {
        sum.add(weight(row_of_[at(q)]) * loss(t, q, end));
        continue;
      }
      double most = choice.own[row] ? 0 : -INFINITY, inside = 0, outside = 0;
      for (Index r = q; r < end; ++r)
        if (choice.in[at(r)]) most = std::max(most, -t[at(r)]);
      for (Index r = q; r < end; ++r) (choice.in[at(r)] ? inside : outside) += std::exp(-t[at(r)] - most);
      (choice.own[row] ? inside : outside) += std::exp(-most);
      sum.add(weight(row_of_[at(q)]) * std::log1p(outside / inside));
    }
    return sum.value();
  }

  Wide differences(const std::vector<std::uint8_t>& allowed) {
    const Index n = rows_.features, others = classes_ - 1;
    // Rounded, so that whole numbers that were divided by their mean are whole again.
    const double least = rows_.weights ? *std::min_element(rows_.weights, rows_.weights + rows_.rows) : 1.0;
    Wide out;
    for (Index i = 0; i < rows_.rows; ++i)
      for (Index c = 0; c < classes_; ++c) {
        const auto y = static_cast<Index>(rows_.y[i]);
        if (c == y || !allowed[at(i * classes_ + c)]) continue;
        row_of_.push_back(i);
        factors_.push_back(std::sqrt(static_cast<double>(static_cast<float>(weight(i) / least))));
        const std::size_t from = out.size();
        out.resize(from + at(others * n));
        for (Index j = 0; j < n; ++j) {
          if (y < others) out[from + at(y * n + j)] = rows_.X[i * n + j];
          if (c < others) out[from + at(c * n + j)] = -rows_.X[i * n + j];
        }
      }
    return out;
  }

  [[nodiscard]] const DoubleDouble* lower(Index q) const {
    return elimination_.lower().data() + q * elimination_.rank();
  }
  [[nodiscard]] double weight(Index i) const { return rows_.weights ? rows_.weights[i] : 1.0; }

  data::Rows<double> rows_;
  Index classes_;
  std::vector<Index> row_of_;  ///< of a pair
  Numbers factors_;            ///< roots of the weights of the rows of pairs
  Elimination elimination_;
  Numbers phi_;
};

void Pairs::Choice::grade() {
  for (Index i = 0; i < losses.rows(); ++i) {
    const Index first = losses.begin[at(i)], end = losses.begin[at(i) + 1];
    double most = 0;
    for (Index q = first; q < end; ++q) most = std::max(most, -losses.offset[at(q)]);
    for (Index q = first; q < end; ++q) {
      const double self = std::exp(-losses.offset[at(q)] - most);
      double others = std::exp(-most);
      for (Index r = first; r < end; ++r) others += r == q ? 0 : std::exp(-losses.offset[at(r)] - most);
      factors[at(q)] *= std::max(std::sqrt(self) * std::sqrt(others) / (self + others), kLeastFactor);
    }
  }
}

Pairs::Bounds Pairs::minimise(double distance, double iterations, bool graded) {
  Choice choice = choose(distance);
  if (graded) choice.grade();
  Bounds out;
  const Elimination inner(std::move(choice.active), elimination_.rank(), choice.factors);
  std::optional<Numbers> along = inner.combination(std::move(choice.linear));
  if (!along) return out;
  Losses& losses = choice.losses;
  losses.linear = std::move(*along);
  losses.width = inner.rank();
  for (const DoubleDouble& x : inner.lower()) losses.M.push_back(x.hi);
  Newton newton(losses);
  const double gap = newton.run(iterations);
  out.evaluations = newton.evaluations();
  const Numbers move = inner.solution(newton.psi());
  double rounding = 0;  // of the elimination, whose large rows are not the first
  for (Index i = 0; graded && i < losses.rows(); ++i)
    for (Index q = losses.begin[at(i)]; q < losses.begin[at(i) + 1]; ++q)
      rounding += losses.weight[at(i)] * inner.error_of(q, move);
  if (gap < INFINITY) out.least = newton.loss() - gap - 2 * rounding;
  for (std::size_t k = 0; k < move.size(); ++k) phi_[k] += move[k];
  out.error = newton.error() + rounding;
  if (const double loss = newton.loss() + left_out(choice); std::isfinite(loss + out.error)) out.loss = loss;
  return out;
}

}  // namespace

PairsResult minimum_of_pairs(const data::Rows<double>& rows, Index classes, const std::vector<std::uint8_t>& allowed,
                             const std::vector<double>& logits) {
  PairsResult best;
  best.loss = best.gap = INFINITY;
  const double width = static_cast<double>((classes - 1) * rows.features), m = static_cast<double>(rows.rows);
  const double operations = m * static_cast<double>(classes * classes) * width * width;
  if (operations > kMostOperations) return best;
  const double evaluations = std::min(kMostEvaluations, kMostInAll / operations);
  Pairs pairs(rows, classes, allowed);
  Numbers start;
  for (Index i = 0; i < rows.rows; ++i)
    for (Index c = 0; c < classes; ++c)
      if (const auto y = static_cast<Index>(rows.y[i]); c != y && allowed[at(i * classes + c)])
        start.push_back(logits[at(i * classes + y)] - logits[at(i * classes + c)]);
  double least = 0, error = 0;
  const auto enough = [&](double aim) { return best.gap <= aim * best.loss && best.gap < INFINITY; };
  const auto spent = [&] { return static_cast<double>(best.evaluations) > evaluations; };
  for (const double part : {1.0, 0.0}) {  // from `logits`, and from 0
    for (double& x : start) x *= part;
    Numbers point = pairs.elimination().coordinates(start);
    const auto minimise = [&](double distance, double iterations, bool graded) {
      pairs.phi() = point;
      const Pairs::Bounds found = pairs.minimise(distance, iterations, graded);
      best.evaluations += found.evaluations;
      if (found.loss < INFINITY && (std::isinf(distance) || found.loss <= best.loss)) point = pairs.phi();
      if (found.loss + found.error < best.loss + error) {
        Numbers theta = pairs.elimination().solution(pairs.phi());
        if (const double own = found.error + pairs.error_of(theta); !(found.loss + own >= best.loss + error)) {
          best.loss = found.loss;
          best.theta = std::move(theta);
          error = own;
        }
      }
      least = std::max(least, found.least);
      best.gap = std::max(best.loss - least, 0.0) + error + 300 * kUnit * best.loss;
      return enough(10 * kSufficient);
    };
    for (const double distance : kDistances)
      if (minimise(distance, std::min(kMostIterations, evaluations), false) || spent()) break;
    for (const double distance : kGradedDistances)
      if (enough(kGood) || minimise(distance, std::min(kGradedIterations, evaluations), true)) break;
    if (enough(kGood) || spent()) break;
  }
  return best;
}

}  // namespace pyrometer::minimum
