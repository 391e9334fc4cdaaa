#include "pyrometer/minimum/logistic/attempt.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/minimum/logistic/independent_columns.hpp"
#include "pyrometer/minimum/logistic/sample.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

constexpr Index kFirstEvaluations = 10, kMoreEvaluations = 4, kMaxEvaluations = 120;
// In short steps: the change of a margin, evaluations for each of the powers of the weights, number of these, and rows
// times squared columns up to which they are cheap.
constexpr double kShort = 4;
constexpr Index kShortEvaluations = 60, kMostShort = 1'000'000;
constexpr int kStages = 16;
// For well conditioned columns: below this eigenvalue the rounding error of the curvature dominates.
constexpr double kTrustedEigenvalue = 1e-11;

double dot(const double* a, const Numbers& b) {
  double sum = 0;
  for (std::size_t j = 0; j < b.size(); ++j) sum += a[j] * b[j];
  return sum;
}

/// `start` is a minimum over samples, or an earlier result.
NewtonResult run_newton(const Problem& problem, const NewtonResult& start, Index evaluations, int threads,
                        double longest = INFINITY) {
  const Numbers no_shift(at(problem.columns), 0.0);
  LossEvaluatorOf<double> evaluator(problem.all(), false, no_shift.data(), threads);
  return newton(evaluator, start.theta, NewtonOptions{evaluations, kTrustedEigenvalue, false, longest}, &start);
}

}  // namespace

Numbers Problem::back(const Numbers& theta) const {
  Numbers out(columns ? map.size() / at(columns) : 0);
  for (std::size_t r = 0; r < out.size(); ++r) out[r] = dot(map.data() + r * theta.size(), theta);
  return out;
}

Problem reduced(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& left_out,
                const std::vector<Index>& independent, bool certain, int threads) {
  Numbers X, y, weights;
  for (Index i = 0; rows.weights && i < rows.rows; ++i)
    if (!left_out[at(i)]) weights.push_back(rows.weights[i]);
  const auto remaining = at(std::count(left_out.begin(), left_out.end(), false));
  if (independent.empty() || remaining == 0) return {nullptr, Numbers(remaining), std::move(weights), 0, {}, {}, true};
  X.reserve(remaining * independent.size());
  y.reserve(remaining);
  for (Index i = 0; i < rows.rows; ++i) {
    if (left_out[at(i)]) continue;
    for (const Index j : independent)
      if (j < rows.features) X.push_back(rows.X[i * rows.features + j]);
    y.push_back(rows.y[i]);
  }
  const auto width = std::ssize(independent) - (intercept ? 1 : 0);
  Basis basis = reduce(Matrix{X.data(), std::ssize(y), width}, intercept, certain, threads);
  const Index n = rows.features + (intercept ? 1 : 0);
  Numbers map(at(n * basis.rank), 0.0);
  std::vector<Numbers> null(basis.null.size(), Numbers(at(n), 0.0));
  for (std::size_t v = 0; v < null.size(); ++v)
    for (std::size_t k = 0; k < independent.size(); ++k) null[v][at(independent[k])] = basis.null[v][k];
  for (std::size_t k = 0; k < independent.size(); ++k)
    std::copy_n(basis.map.data() + static_cast<Index>(k) * basis.rank, basis.rank,
                map.data() + independent[k] * basis.rank);
  return {std::move(basis.rows), std::move(y),    std::move(weights), basis.rank,
          std::move(map),        std::move(null), basis.settled};
}

Problem in_basis(const data::Rows<double>& rows, Basis basis) {
  Numbers weights;
  if (rows.weights) weights.assign(rows.weights, rows.weights + rows.rows);
  return {std::move(basis.rows), Numbers(rows.y, rows.y + rows.rows),
          std::move(weights),    basis.rank,
          std::move(basis.map),  std::move(basis.null),
          basis.settled};
}

Attempt::Attempt(Problem problem, int threads) : problem_(std::move(problem)), threads_(threads) {
  if (problem_.columns) {
    const Numbers no_shift(at(problem_.columns), 0.0);
    result_ = minimum_of_samples(problem_.all(), false, no_shift.data(), threads);
  }
  const bool sampled = result_.evaluations > 0;
  iterate(kFirstEvaluations);
  if (sampled && result_.status == NewtonStatus::undecided) {  // samples without the rows that decide
    result_ = NewtonResult();
    result_.theta.assign(at(problem_.columns), 0.0);
    iterate(kFirstEvaluations);
  }
}

void Attempt::iterate_until_stationary() {
  double loss = INFINITY;
  while (!converged() && evaluations_ < kMaxEvaluations &&
         (result_.loss < loss * (1 - 1e-14) || result_.stretch > 0.5)) {
    loss = result_.loss;
    iterate(kMoreEvaluations);
  }
  if (!converged()) iterate_in_short_steps();
}

void Attempt::iterate_in_short_steps() {
  const Index n = problem_.columns;
  if (problem_.weights.empty() || n == 0 || problem_.count() * n * n > kMostShort) return;
  const Numbers weights = problem_.weights;
  NewtonResult other;
  other.theta.assign(at(n), 0.0);
  for (int stage = 1; stage <= kStages; ++stage) {
    for (std::size_t i = 0; i < weights.size(); ++i)
      problem_.weights[i] = stage < kStages ? std::pow(weights[i], static_cast<double>(stage) / kStages) : weights[i];
    NewtonResult start;
    start.theta = std::move(other.theta);
    other = run_newton(problem_, start, kShortEvaluations, threads_, kShort);
    evaluations_ += other.evaluations;
  }
  if (other.status == NewtonStatus::converged) result_ = std::move(other);
}

void Attempt::iterate(Index evaluations) {
  if (problem_.count() == 0 || problem_.columns == 0) {
    result_.status = NewtonStatus::converged;
    result_.loss = weight_of(problem_.all()) * std::log(2.0);
    return;
  }
  result_ = run_newton(problem_, result_, evaluations, threads_);
  evaluations_ += result_.evaluations;
}

}  // namespace pyrometer::minimum
