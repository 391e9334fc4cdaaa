// Newton's method for the cross entropy, with a certified bound of the distance from the minimum.
#pragma once

#include <cmath>
#include <vector>

#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

namespace pyrometer::minimum {

enum class NewtonStatus {
  converged,   ///< the minimum exists, and `excess` bounds the distance to it
  separated,   ///< theta separates the labels: the infimum is 0
  undecided,   ///< columns nearly dependent under the current weights, or the limit of evaluations reached
  not_finite,  ///< sums over the rows overflowed, or the rows hold such numbers
};

struct NewtonOptions {
  Index evaluations = 10;          ///< limit of their number; up to 30 where steps make much progress
  double least_eigenvalue = 1e-7;  ///< of the curvature scaled to a diagonal of ones; below it the result is undecided
  bool rough = false;              ///< stop when the error is small compared with the sampling error of these rows
  double longest = INFINITY;       ///< no step changes a margin by more
};

struct NewtonResult {
  NewtonStatus status = NewtonStatus::undecided;
  std::vector<double> theta;
  std::vector<double> step;  ///< the last Newton step: theta + step would be next
  double stretch = 0;        ///< |d_i . step| is at most this
  double loss = 0;           ///< sum over rows at theta
  double excess = 0;         ///< converged: loss at theta exceeds the infimum by at most this
  double rounding = 0;       ///< converged: bound of the rounding error of `loss`
  /// converged: (theta - minimiser)' H (theta - minimiser) is at most the square of this, H the curvature in `factor`.
  double radius = 0;
  Factor factor;
  Index evaluations = 0;
  double rows = 0;                       ///< the sum of their weights, if they have any
  bool independent = false;              ///< some curvature was well conditioned, so no column depends on others
  base::AlignedArray<double> curvature;  ///< rough: at or near theta, for a run over more rows

  /// converged: |c . (theta - minimiser)| is at most this.
  [[nodiscard]] double error_of(const std::vector<double>& c, std::vector<double>& work) const;
};

/// Minimises the sum of losses of `evaluator`, starting from `theta`.
///
///     theta <- theta - t H^-1 g,    t = 1, or less until the loss falls (Armijo's rule)
///
/// The certificate. Let g, H be gradient and curvature at theta, u = H^-1 g, a_i = d_i . u. The numbers
/// s_i = sigma(t_i) - sigma'(t_i) a_i satisfy sum_i (s_i - y_i) d_i = g - H u = 0, and lie in (0, 1) if all |a_i| <= 1:
/// they are then feasible for the dual problem (the largest sum of entropies of Bernoulli(s_i) that reproduces
/// sum_i y_i d_i), whose value no loss undercuts. The gap between the two is a sum of Kullback-Leibler divergences,
///
///     loss(theta) - infimum <= sum_i KL(s_i || sigma(t_i)) <= sum_i sigma'(t_i) a_i^2 = g' H^-1 g,
///
/// because KL is at most chi^2. Strictly between 0 and 1 they also prove, by Stiemke's lemma, that nothing separates
/// the rows, hence that the minimum is attained. |a_i| <= sum_j max_i |d_ij| |u_j| needs no pass over the rows.
/// Rounding enters as a bound of the error of g, measured in H^-1, and as a relative error of H. H may be that of an
/// earlier theta_0: sigma' changes by a factor of at most e^|d_i . (theta - theta_0)|, and so does the bound.
///
/// The minimiser. With lambda^2 = g' H^-1 g and R = max_i (d_i' H^-1 d_i)^1/2, convexity along the way to the
/// minimiser, where the curvature falls to no less than e^-r of H over a distance of r in d_i . theta, gives
///
///     ||theta - minimiser||_H <= -ln(1 - R lambda) / R <= 2 ln 2 lambda   where R lambda <= 1/2.
///
/// The last step is taken without an evaluation; after it lambda is at most e^r - 1 times the length of the step, with
/// r as above between here and where H was taken, and rounding. Steps continue until that is below the rounding error
/// of theta.
///
/// previous  a rough run over a sample of the rows, whose curvature, scaled up, serves for the first step.
///
/// Cost: the evaluations, and n^3 / 3 flops for each with curvature. With up to 32 columns every evaluation computes
/// the curvature; with more an earlier one is reused as long as the convergence rate is good.
[[nodiscard]] NewtonResult newton(LossEvaluator& evaluator, std::vector<double> theta, const NewtonOptions& options,
                                  const NewtonResult* previous = nullptr);

}  // namespace pyrometer::minimum
