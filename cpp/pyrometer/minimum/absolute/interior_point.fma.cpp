#include "pyrometer/minimum/absolute/interior_point.hpp"

#include <cmath>
#include <numeric>

#include "pyrometer/minimum/absolute/kernels.hpp"
#include "pyrometer/minimum/absolute/normal_equations.hpp"

namespace pyrometer::minimum::absolute {
namespace {

constexpr int kMostInteriorSteps = 100;
// Steps shorter than this mean that the starting point was too close to the boundary.
constexpr double kStuck = 0.1;
// Fraction of the step to the boundary.
constexpr double kShort = 0.9995;

class Interior {
 public:
  Interior(const Rows& rows, ExecutionContext context)
      : rows_(rows), context_(context), n_(rows.columns), size_(rows.y.size()) {
    for (Vec* v : {&r_, &p_, &q_, &above_, &below_, &h_, &target_, &dd_, &dp_, &dq_, &u_}) v->resize(size_);
    change_.resize(at(n_));
  }

  // Returns signed distances of the dual solution from its bounds, see interior().
  Vec run(Vec& phi, double closed) {
    const Vec given = phi;
    start(phi);
    if (descend(phi, closed, true)) {
      phi = given;
      start_centred(phi);
      descend(phi, closed, false);
    }
    Vec room(used());
    for (std::size_t i = 0; i < used(); ++i) room[i] = above_[i] < below_[i] ? above_[i] : -below_[i];
    return room;
  }

 private:
  // Returns whether to start again, if that is `allowed`: a step is too short, or the first one is impossible.
  bool descend(Vec& phi, double closed, bool allowed) {
    for (int step = 0; step < kMostInteriorSteps; ++step) {
      context_.check_interrupt();
      const double gap = products(0, 0);
      if (!(gap > closed * std::accumulate(p_.begin(), p_.end(), std::accumulate(q_.begin(), q_.end(), 0.0)))) break;
      if (!factorise()) return allowed && step == 0;
      const double mean = gap / (2 * static_cast<double>(rows_.count));
      direction(0, false);
      const double ahead = products(reach_primal(1), reach_dual(1)) / (2 * static_cast<double>(rows_.count));
      const double ratio = ahead / mean;
      direction(ratio * ratio * ratio * mean, true);
      const double primal = reach_primal(kShort), dual = reach_dual(kShort);
      for (Index j = 0; j < n_; ++j) phi[at(j)] += primal * change_[at(j)];
      for (std::size_t i = 0; i < used(); ++i) {
        r_[i] += primal * u_[i];
        p_[i] += primal * dp_[i];
        q_[i] += primal * dq_[i];
        above_[i] -= dual * dd_[i];
        below_[i] += dual * dd_[i];
      }
      if (allowed && std::max(primal, dual) < kStuck) return true;
      if (std::max(primal, dual) < 1e-8) break;
    }
    return false;
  }

  [[nodiscard]] std::size_t used() const { return at(rows_.count); }

  // On the central path for a mu of the size of the residuals near zero, except that Z' d = 0 need not hold.
  void start(const Vec& phi) {
    product(phi, rows_.y.data(), r_);
    Vec sizes(used());
    for (std::size_t i = 0; i < used(); ++i) sizes[i] = std::abs(r_[i]);
    const Index rank = std::min(rows_.count - 1, 2 * n_);
    std::nth_element(sizes.begin(), sizes.begin() + rank, sizes.end());
    const double mean = std::accumulate(sizes.begin(), sizes.end(), 0.0) / static_cast<double>(rows_.count);
    const double mu = std::max(sizes[at(rank)], 1e-3 * mean) / 2;
    for (std::size_t i = 0; i < used(); ++i) {
      const double size = std::abs(r_[i]), d = size / (mu + std::sqrt(mu * mu + size * size));
      const double smaller = mu / (1 + d), larger = size + smaller;
      const bool positive = r_[i] > 0;
      p_[i] = positive ? larger : smaller;
      q_[i] = positive ? smaller : larger;
      above_[i] = positive ? mu / larger : 1 + d;
      below_[i] = positive ? 1 + d : mu / larger;
    }
  }

  // At d = 0, for which Z' d = 0, with products p (1 - d) and q (1 + d) of at least the mean of |r|.
  void start_centred(const Vec& phi) {
    product(phi, rows_.y.data(), r_);
    double mean = 0;
    for (std::size_t i = 0; i < used(); ++i) mean += std::abs(r_[i]) / static_cast<double>(rows_.count);
    for (std::size_t i = 0; i < used(); ++i) {
      p_[i] = std::max(r_[i], 0.0) + mean;
      q_[i] = std::max(-r_[i], 0.0) + mean;
      above_[i] = below_[i] = 1;
    }
  }

  // out = y - Z v, or -Z v
  void product(const Vec& v, const double* y, Vec& out) {
    for (Index b = 0; b < rows_.blocks(); ++b)
      residuals(rows_.block(b, nullptr).x, y ? y + b * kBlock : nullptr, n_, v.data(), out.data() + b * kBlock);
  }

  // sum p (1 - d) + q (1 + d) after steps of these lengths.
  double products(double primal, double dual) const {
    double sum = 0;
    for (std::size_t i = 0; i < used(); ++i)
      sum += (p_[i] + primal * dp_[i]) * (above_[i] - dual * dd_[i]) +
             (q_[i] + primal * dq_[i]) * (below_[i] + dual * dd_[i]);
    return sum;
  }

  bool factorise() {
    for (std::size_t i = 0; i < used(); ++i) h_[i] = 1 / (p_[i] / above_[i] + q_[i] / below_[i]);
    factor_ = gram(rows_, h_, context_);
    return factor_positive(factor_, n_);
  }

  // The Newton direction towards complementarity products mu, with or without the predictor's second-order terms.
  void direction(double mu, bool corrected) {
    for (std::size_t i = 0; i < used(); ++i) {
      // Target values of p (1 - d) and q (1 + d).
      const double second = corrected ? dd_[i] : 0;
      dp_[i] = mu + dp_[i] * second;
      dq_[i] = mu - dq_[i] * second;
      target_[i] = r_[i] - dp_[i] / above_[i] + dq_[i] / below_[i];
      u_[i] = h_[i] * target_[i] + 0.5 * (below_[i] - above_[i]);
    }
    for (Index j = 0; j < n_; ++j) {
      Lanes sum{};
      for (Index b = 0; b < rows_.blocks(); ++b)
        add_weighed(rows_.block(b, nullptr).x + j * kBlock, u_.data() + b * kBlock, sum);
      change_[at(j)] = total(sum);
    }
    solve_positive(factor_, change_);
    product(change_, nullptr, u_);
    for (std::size_t i = 0; i < used(); ++i) {
      dd_[i] = h_[i] * (target_[i] + u_[i]);
      dp_[i] = (dp_[i] + p_[i] * dd_[i]) / above_[i] - p_[i];
      dq_[i] = (dq_[i] - q_[i] * dd_[i]) / below_[i] - q_[i];
    }
  }

  [[nodiscard]] double reach_primal(double part) const {
    double length = 1 / part;
    for (std::size_t i = 0; i < used(); ++i) {
      if (p_[i] + length * dp_[i] < 0) length = -p_[i] / dp_[i];
      if (q_[i] + length * dq_[i] < 0) length = -q_[i] / dq_[i];
    }
    return std::min(1.0, part * length);
  }
  [[nodiscard]] double reach_dual(double part) const {
    double length = 1 / part;
    for (std::size_t i = 0; i < used(); ++i) {
      if (above_[i] - length * dd_[i] < 0) length = above_[i] / dd_[i];
      if (below_[i] + length * dd_[i] < 0) length = -below_[i] / dd_[i];
    }
    return std::min(1.0, part * length);
  }

  const Rows& rows_;
  ExecutionContext context_;
  Index n_;
  std::size_t size_;
  Vec r_, p_, q_;              // residual = p - q
  Vec above_, below_;          // 1 - d, 1 + d
  Vec h_, target_, factor_;    // the step's weights, right-hand side and Cholesky factor
  Vec change_, dd_, dp_, dq_;  // the step
  Vec u_;                      // -Z change
};

}  // namespace

Vec interior(const Rows& rows, double closed, Vec& phi, ExecutionContext context) {
  return Interior(rows, context).run(phi, closed);
}

}  // namespace pyrometer::minimum::absolute
