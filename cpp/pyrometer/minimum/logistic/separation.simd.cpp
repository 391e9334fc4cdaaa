#include "pyrometer/minimum/logistic/separation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/facial_reduction.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"
#include "pyrometer/minimum/logistic/newton.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

// A separated row at this margin has the loss e^-40, far below the rounding error of a sum that includes ln 2.
constexpr double kFar = 40;
// A row at this margin may dominate the curvature although its loss is negligible at the minimum.
constexpr double kRuling = 20;
constexpr Index kFirstEvaluations = 10, kMoreEvaluations = 4, kMaxEvaluations = 120;
// For well conditioned columns: below this eigenvalue the rounding error of the curvature dominates.
constexpr double kLeastEigenvalue = 1e-11;

double dot(const double* a, const Numbers& b) {
  double sum = 0;
  for (std::size_t j = 0; j < b.size(); ++j) sum += a[j] * b[j];
  return sum;
}

/// Rows with linearly independent columns, their labels, and the map from the columns to those of the system.
struct Problem {
  base::AlignedArray<double> rows;
  Numbers labels;
  Index columns = 0;
  Numbers map;  ///< columns of the system x columns

  [[nodiscard]] Index count() const { return static_cast<Index>(labels.size()); }
  [[nodiscard]] const double* row(Index i) const { return rows.get() + i * columns; }
  [[nodiscard]] double sign(Index i) const { return 2 * labels[at(i)] - 1; }
  [[nodiscard]] data::Rows<double> all() const {
    return {rows.get(), labels.data(), count(), columns, count() * columns};
  }
  /// Parameters of the columns of the system.
  [[nodiscard]] Numbers back(const Numbers& theta) const {
    Numbers out(columns ? map.size() / at(columns) : 0);
    for (std::size_t r = 0; r < out.size(); ++r) out[r] = dot(map.data() + r * theta.size(), theta);
    return out;
  }
};

/// The rows that are not left out, with linearly independent columns. `independent` are columns that span all others on
/// these rows; `certain`: they are known to be linearly independent.
Problem reduced(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& left_out,
                const std::vector<Index>& independent, bool certain, int threads) {
  if (independent.empty()) return {nullptr, Numbers(at(std::count(left_out.begin(), left_out.end(), false))), 0, {}};
  Numbers X, y;
  for (Index i = 0; i < rows.rows; ++i) {
    if (left_out[at(i)]) continue;
    for (const Index j : independent)
      if (j < rows.features) X.push_back(rows.X[i * rows.features + j]);
    y.push_back(rows.y[i]);
  }
  const auto width = std::ssize(independent) - (intercept ? 1 : 0);
  Basis basis = reduce(Matrix{X.data(), std::ssize(y), width}, intercept, certain, threads);
  Numbers map(at((rows.features + (intercept ? 1 : 0)) * basis.rank), 0.0);
  for (std::size_t k = 0; k < independent.size(); ++k)
    std::copy_n(basis.map.data() + static_cast<Index>(k) * basis.rank, basis.rank,
                map.data() + independent[k] * basis.rank);
  return {std::move(basis.rows), std::move(y), basis.rank, std::move(map)};
}

NewtonResult run_newton(const Problem& problem, Numbers theta, Index evaluations, int threads) {
  const Numbers no_shift(at(problem.columns), 0.0);
  LossEvaluatorOf<double> evaluator(problem.all(), false, no_shift.data(), threads);
  return newton(evaluator, std::move(theta), NewtonOptions{evaluations, kLeastEigenvalue, false});
}

double margin_of(const data::Rows<double>& rows, Index i, bool intercept, const Numbers& theta) {
  DoubleDouble sum{intercept ? theta.back() : 0.0, 0};
  const double* x = rows.X + i * rows.features;
  for (Index j = 0; j < rows.features; ++j) sum.add_product(x[j], theta[at(j)]);
  return (2 * rows.y[i] - 1) * sum.value();
}

/// The face of a direction that separates all rows beyond rounding; not `certain` if it does not.
Face all_separated(const data::Rows<double>& rows, bool intercept, Numbers direction) {
  Face face;
  for (Index i = 0; i < rows.rows; ++i) {
    double terms = intercept ? std::abs(direction.back()) : 0;
    for (Index j = 0; j < rows.features; ++j) terms += std::abs(rows.X[i * rows.features + j] * direction[at(j)]);
    if (!(margin_of(rows, i, intercept, direction) >
          4 * kUnit * kUnit * static_cast<double>(rows.features + 4) * terms))
      return face;
  }
  face.certain = true;
  face.separated = {{std::move(direction), std::vector<Index>(at(rows.rows))}};
  std::iota(face.separated[0].rows.begin(), face.separated[0].rows.end(), Index{0});
  return face;
}

}  // namespace

double loss_at(const data::Rows<double>& rows, bool intercept, const std::vector<double>& theta, int threads) {
  const base::Chunks chunks{rows.rows, 4096};
  Numbers sums(at(chunks.number()), 0.0);
  base::for_each_chunk(chunks.number(), threads, [&](Index k, int) {
    DoubleDouble sum;
    for (Index i = chunks.begin(k); i < chunks.end(k); ++i) {
      const double z = margin_of(rows, i, intercept, theta);
      sum.add(std::log1p(std::exp(-std::abs(z))));
      sum.add(std::max(-z, 0.0));
    }
    sums[at(k)] = sum.value();
  });
  DoubleDouble sum;
  for (const double part : sums) sum.add(part);
  return sum.value();
}

namespace {

/// Moves parameters along the directions until every separated row has a margin of `far`.
///
/// The last direction first: an earlier one can then compensate the effect of a later one on its rows.
Numbers moved(const data::Rows<double>& rows, bool intercept, const Face& face, double far, Numbers theta) {
  for (auto part = face.separated.rbegin(); part != face.separated.rend(); ++part) {
    double length = 0;
    for (const Index i : part->rows) {
      const double wanted = far - margin_of(rows, i, intercept, theta);
      length = std::max(length, wanted / margin_of(rows, i, intercept, part->direction));
    }
    for (std::size_t j = 0; j < theta.size(); ++j) theta[j] += length * part->direction[j];
  }
  return theta;
}

/// Moves theta along the directions until the losses of separated rows are negligible, unless rounding errors of large
/// parameters increase the loss of the others; returns the loss, which is at least `lowest`.
double place(const data::Rows<double>& rows, bool intercept, const Face& face, double lowest, int threads,
             Numbers& theta) {
  Numbers best(theta.size(), 0.0);
  double least = static_cast<double>(rows.rows) * std::log(2.0);
  if (const double loss = loss_at(rows, intercept, theta, threads); loss <= least) least = loss, best = theta;
  for (double far = kFar; far >= 5 && !face.separated.empty(); far /= 2) {
    Numbers there = moved(rows, intercept, face, far, theta);
    const double loss = loss_at(rows, intercept, there, threads);
    const bool finite = std::all_of(there.begin(), there.end(), [](double x) { return std::isfinite(x); });
    if (finite && loss <= least) least = loss, best = std::move(there);
    if (finite && loss <= lowest * (1 + 1e-12) + static_cast<double>(rows.rows) * std::exp(-far)) break;
  }
  theta = std::move(best);
  return least;
}

/// Newton's method on a problem, continued as long as it makes progress.
class Attempt {
 public:
  Attempt(Problem problem, int threads) : problem_(std::move(problem)), threads_(threads) {
    result_.theta.assign(at(problem_.columns), 0.0);
    iterate(kFirstEvaluations);
  }

  [[nodiscard]] const Problem& problem() const { return problem_; }
  [[nodiscard]] const NewtonResult& result() const { return result_; }
  [[nodiscard]] bool converged() const { return result_.status == NewtonStatus::converged; }
  [[nodiscard]] Index evaluations() const { return evaluations_; }
  /// Parameters of the n columns of the system.
  [[nodiscard]] Numbers parameters(std::size_t n) const {
    return problem_.columns ? problem_.back(result_.theta) : Numbers(n, 0.0);
  }

  /// Continues until neither the loss decreases nor margins grow, although the bound does not close. A step changes the
  /// margin of a row that dominates the curvature by about 1, while its loss is negligible.
  void iterate_until_stationary() {
    double loss = INFINITY;
    while (!converged() && evaluations_ < kMaxEvaluations &&
           (result_.loss < loss * (1 - 1e-14) || result_.stretch > 0.5)) {
      loss = result_.loss;
      iterate(kMoreEvaluations);
    }
  }

 private:
  void iterate(Index evaluations) {
    if (problem_.count() == 0 || problem_.columns == 0) {
      result_.status = NewtonStatus::converged;
      result_.loss = static_cast<double>(problem_.count()) * std::log(2.0);
      return;
    }
    result_ = run_newton(problem_, std::move(result_.theta), evaluations, threads_);
    evaluations_ += result_.evaluations;
  }

  Problem problem_;
  int threads_;
  NewtonResult result_;
  Index evaluations_ = 0;
};

/// Error bounds of the system's parameters, if no column was dropped.
Numbers errors_of(const Attempt& solution, std::size_t n) {
  Numbers errors, work;
  for (std::size_t r = 0; r < n; ++r) {
    const Numbers row(solution.problem().map.data() + r * n, solution.problem().map.data() + (r + 1) * n);
    double terms = 0;
    for (std::size_t j = 0; j < n; ++j) terms += std::abs(row[j] * solution.result().theta[j]);
    errors.push_back(solution.result().error_of(row, work) + static_cast<double>(n) * kUnit * terms);
  }
  return errors;
}

}  // namespace

Infimum infimum(const data::Rows<double>& rows, bool intercept, int threads) {
  const auto n = at(rows.features + (intercept ? 1 : 0));
  Infimum out;
  std::vector<bool> used(n, false), left_out(at(rows.rows), false);
  Basis basis = reduce(Matrix{rows.X, rows.rows, rows.features}, intercept, false, threads);
  for (const Index j : basis.kept) used[at(j)] = true;
  out.rank = std::count(used.begin(), used.begin() + rows.features, true);
  Attempt solution({std::move(basis.rows), Numbers(rows.y, rows.y + rows.rows), basis.rank, std::move(basis.map)},
                   threads);
  const auto without = [&](const Face& face, bool independent) {
    Attempt other(reduced(rows, intercept, left_out, face.independent, independent, threads), threads);
    other.iterate_until_stationary();
    out.evaluations += other.evaluations();
    return other;
  };

  Face face;
  if (solution.result().status == NewtonStatus::separated)
    face = all_separated(rows, intercept, solution.problem().back(solution.result().theta));
  if (!solution.converged() && !face.certain) face = face_of(rows, intercept, used, threads);
  out.attained = face.separated.empty();
  out.evaluations = solution.evaluations();
  if (!out.attained && face.certain) {
    for (const Separated& part : face.separated)
      for (const Index i : part.rows) left_out[at(i)] = true;
    solution = without(face, true);
  } else {
    solution.iterate_until_stationary();
  }
  out.parameters = solution.parameters(n);
  if (solution.converged() && out.attained && solution.problem().columns == std::ssize(used))
    out.errors = errors_of(solution, n);

  // Rows of small loss on the correct side may be so large that the bound does not close. The infimum over the others
  // is a lower bound, the loss of all rows at its minimiser an upper bound.
  if (!solution.converged() && face.certain) {
    const auto before = std::count(left_out.begin(), left_out.end(), true);
    for (Index i = 0; i < rows.rows; ++i)
      if (margin_of(rows, i, intercept, out.parameters) > kRuling) left_out[at(i)] = true;
    if (std::count(left_out.begin(), left_out.end(), true) > before) {
      if (Attempt other = without(face, false); other.converged()) {
        solution = std::move(other);
        out.parameters = solution.parameters(n);
      }
    }
  }

  out.value = solution.result().loss;
  const double reached = face.certain ? place(rows, intercept, face, out.value, threads, out.parameters)
                                      : loss_at(rows, intercept, out.parameters, threads);
  if (!solution.converged()) {  // the loss is an upper bound, and 0 a lower one
    out.gap = std::max(out.value, reached);
    return out;
  }
  out.gap = solution.result().excess + solution.result().rounding + std::max(0.0, reached - out.value) +
            1000 * kUnit * reached;
  return out;
}

}  // namespace pyrometer::minimum
