// Minimisation of the softmax cross entropy where a minimum exists, with a certificate.
#pragma once

#include <cmath>
#include <vector>

#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/softmax/evaluator.hpp"

namespace pyrometer::minimum {

/// Length of the longest chain of additions in a sum over rows.
inline constexpr double kAdditions = 256;

enum class DescentStatus {
  converged,
  separated,   ///< the parameters separate all rows with certainty
  undecided,   ///< no minimum is found: the Hessian is singular, or the parameters grow
  not_finite,  ///< a value of the rows is not finite, or their squares overflow
};

/// The metric of a Hessian, factored: norms and Newton steps.
class SoftmaxMetric {
 public:
  /// The Hessian times `factor`, from SoftmaxEvaluation::products; false if it is singular. `free` are the parameters
  /// that vary; `lift` is a ridge relative to the diagonal.
  bool of_products(const SoftmaxEvaluation& evaluation, Index columns, Index classes, const std::vector<Index>& free,
                   double factor, double lift);
  /// With A = sum_i w_i (min_c p_ic) d_i d_i': the lower bound A (x) (I - 11'/C) of the Hessian; or, with `shares` f of
  /// the classes, of sum 1, C A (x) (diag f - f f'), which for A at theta = 0 is the Hessian where all p_ic are f_c.
  bool of_least_gram(const SoftmaxEvaluation& evaluation, Index columns, Index classes,
                     std::vector<double> shares = {});

  /// step = -H^-1 gradient, 0 where parameters do not vary; returns (g' H^-1 g)^1/2.
  double solve(const std::vector<double>& gradient, std::vector<double>& step);
  /// An upper bound of (b' H^-1 b)^1/2 for all b with |b_j| <= bound_j, of all parameters. The factor 4: the eigenvalue
  /// may be overestimated.
  [[nodiscard]] double most(const std::vector<double>& bound) const;
  /// sum_j |x_j| H_jj^1/2.
  [[nodiscard]] double length(const std::vector<double>& x) const;
  /// (v' H^-1 v)^1/2, or an upper bound of it, for v = (e_c - 1/C) (x) x: of the parameters x of class c less their
  /// mean over the classes. Not with shares; all parameters vary.
  [[nodiscard]] double centred(Index c, Index classes, const std::vector<double>& x);
  [[nodiscard]] double eigenvalue() const { return eigenvalue_; }
  /// The parameters of the first `count` pivots, in order; all pivots after a singular Hessian are those found.
  [[nodiscard]] std::vector<Index> pivots(Index count) const;
  [[nodiscard]] Index rank() const { return factor_.rank(); }
  /// The number of pivots above `least`, which are at most 1.
  [[nodiscard]] Index rank(double least) const;
  /// Whether this is a lower bound of the Hessian.
  [[nodiscard]] bool bounds() const { return blocks_ > 0; }

 private:
  bool factor();

  Factor factor_;
  std::vector<Index> free_;
  Index blocks_ = 0;  ///< of least_gram, whose factor is that of one class
  std::vector<double> shares_;
  double eigenvalue_ = 0;
  std::vector<double> work_;
};

struct DescentResult {
  DescentStatus status = DescentStatus::undecided;
  std::vector<double> theta;
  double loss = 0;  ///< at theta, from which E* differs by at most gap
  double gap = INFINITY;
  double least = 0;  ///< the least margin
  Index evaluations = 0;
  SoftmaxEvaluation last;
  bool drifting = false;     ///< undecided: rows of negligible losses seem to be separated
  SoftmaxMetric metric;      ///< converged: a lower bound of the Hessian at theta, or the Hessian itself
  double radius = INFINITY;  ///< converged: of theta - minimiser, in `metric`
};

enum class NewtonAim {
  rough,             ///< within the standard errors of the parameters
  minimum_or_drift,  ///< the minimum, undecided once steps converge as for separated rows, or change nothing
  minimum,
};

/// Newton's method with line search from theta; `free` are the parameters that vary, all if empty.
///
/// Where rows are separated, and all others have converged, each step adds 1 to their margins, and the squared
/// decrement is e^-1 times the last one: some thirty steps until the Hessian is singular.
///
/// The certificate: with u = -H^-1 g and a_ic = d_i . u_c, the distributions P_ic (1 + a_ic - sum_b P_ib a_ib) satisfy
/// X'(P* - Y) = 0, and are nonnegative where the brackets are; then E(theta) - E* <= sum_i KL(P*_i || P_i) <= g' H^-1
/// g.
///
/// The minimiser: as in logistic/newton.hpp, with R = max_i,c,b |d_i . (u_c - u_b)| over all u of norm 1, because along
/// h third derivatives are at most max_c,b |d_i . (h_c - h_b)| times second ones. A last Newton step is taken without
/// an evaluation.
template <class T>
[[nodiscard]] DescentResult newton(SoftmaxEvaluator<T>& evaluator, std::vector<double> theta,
                                   const std::vector<Index>& free, NewtonAim aim);

/// Limited-memory quasi-Newton method from theta, preconditioned by `metric`, of the Hessian over a sample. The
/// certificate is that of a lower bound of the Hessian; undecided if that is too weak, or after `most` evaluations,
/// as where the sample has no row of a rare value.
template <class T>
[[nodiscard]] DescentResult quasi_newton(SoftmaxEvaluator<T>& evaluator, std::vector<double> theta,
                                         SoftmaxMetric& metric, Index most);

extern template DescentResult newton(SoftmaxEvaluator<double>&, std::vector<double>, const std::vector<Index>&,
                                     NewtonAim);
extern template DescentResult newton(SoftmaxEvaluator<float>&, std::vector<double>, const std::vector<Index>&,
                                     NewtonAim);
extern template DescentResult quasi_newton(SoftmaxEvaluator<double>&, std::vector<double>, SoftmaxMetric&, Index);
extern template DescentResult quasi_newton(SoftmaxEvaluator<float>&, std::vector<double>, SoftmaxMetric&, Index);

}  // namespace pyrometer::minimum
