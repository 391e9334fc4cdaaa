#include "pyrometer/minimum/softmax/minimise.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "pyrometer/base/double_double.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"
#include "pyrometer/minimum/logistic/sample.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;
// Hessians of more parameters are computed only where nothing else finds the minimum.
constexpr Index kFewParameters = 800;
// Evaluations of a quasi-Newton method before any other is tried, and the ridge of its metric.
constexpr Index kAnyway = 30;
constexpr double kLift = 1e-3;

/// The shares of the classes, all of which have rows, with an intercept; without one all the same.
template <class T>
std::vector<double> shares_of(const ClassifiedRows<T>& table) {
  const data::Rows<T>& rows = table.rows;
  const double weight = weight_of(rows);
  std::vector<double> shares(at(table.classes), table.intercept ? 0.0 : 1.0 / static_cast<double>(table.classes));
  for (Index i = 0; i < rows.rows && table.intercept; ++i)
    shares[at(static_cast<Index>(rows.y[i]))] += (rows.weights ? rows.weights[i] : 1.0) / weight;
  return shares;
}

/// The number of evaluations that take as long as Newton's method over all rows, or more: then it is tried instead.
template <class T>
Index worth_of_newton(const SoftmaxEvaluator<T>& evaluator) {
  const Index n = evaluator.columns(), classes = evaluator.classes();
  const Index gradient = 6 * n * (classes - 1) + 40 * classes, products = n * n * classes * (classes - 1) / 2;
  return 10 + 10 * products / gradient;
}

/// A sample of the rows before the `last` ones, and these, whose weights are as much smaller as the sample is.
template <class T>
struct SampleAndLast {
  SampleAndLast(const ClassifiedRows<T>& table, Index size, Index last, int threads)
      : features(table.rows.features), sample(table.rows.from(0, table.rows.rows - last), size, threads) {
    const data::Rows<T>& all = table.rows;
    const data::Rows<T> sampled = sample.rows(features), others = all.from(all.rows - last, all.rows);
    factor = static_cast<double>(all.rows - last) / static_cast<double>(sampled.rows);
    const auto add = [&](const data::Rows<T>& rows, double share) {
      X.insert(X.end(), rows.X, rows.X + rows.rows * features);
      y.insert(y.end(), rows.y, rows.y + rows.rows);
      for (Index i = 0; i < rows.rows; ++i) weights.push_back(share * (rows.weights ? rows.weights[i] : 1.0));
    };
    if (last == 0) return;
    add(sampled, 1);
    add(others, 1 / factor);
    if (!table.allowed) return;
    allowed.assign(at(sampled.rows * table.classes), 1);
    allowed.insert(allowed.end(), table.allowed + (all.rows - last) * table.classes,
                   table.allowed + all.rows * table.classes);
  }
  [[nodiscard]] data::Rows<T> rows() const {
    if (y.empty()) return sample.rows(features);
    return {X.data(), y.data(), std::ssize(y), features, std::ssize(X), weights.data()};
  }
  Index features;
  Sample<T> sample;
  double factor;
  std::vector<T> X, y;
  std::vector<double> weights;
  std::vector<std::uint8_t> allowed;  ///< all classes are, of the rows before the last
};

}  // namespace

template <class T>
DescentResult descend(const ClassifiedRows<T>& table, const Numbers& shift, int threads, Index last, Numbers start) {
  SoftmaxEvaluator<T> evaluator(table, shift.data(), threads);
  const Index size = std::max<Index>(2048, 8 * evaluator.parameters()), m = table.rows.rows;
  const Index worth = worth_of_newton(evaluator);
  const bool dense = evaluator.parameters() <= kFewParameters;
  // The last rows have margins that grow by 1 in a step, as if they were separated.
  const NewtonAim aim = last > 0 ? NewtonAim::minimum : NewtonAim::minimum_or_drift;
  start.resize(at(evaluator.parameters()), 0.0);
  if (dense && 4 * size > m) return newton(evaluator, std::move(start), {}, aim);
  SoftmaxMetric metric;
  if (dense && (!table.allowed || last > 0)) {
    const SampleAndLast<T> sample(table, size, last, threads);
    const ClassifiedRows<T> part{sample.rows(), table.classes, table.intercept,
                                 sample.allowed.empty() ? nullptr : sample.allowed.data()};
    SoftmaxEvaluator<T> rough(part, shift.data(), threads);
    DescentResult rough_result = newton(rough, start, {}, NewtonAim::rough);
    if (rough_result.last.products && std::isfinite(rough_result.loss) &&
        metric.of_products(rough_result.last, evaluator.columns(), table.classes, {}, sample.factor, kLift)) {
      // Singular: the sample has no row of some rare value, or columns are dependent.
      if (metric.eigenvalue() < 1.01 * kLift && worth <= kAnyway) return newton(evaluator, std::move(start), {}, aim);
      start = std::move(rough_result.theta);
    }
  }
  if (metric.rank() == 0) {
    // The Hessian where the probabilities are the shares of the classes, with an intercept, or else all the same.
    SoftmaxEvaluation zero;
    evaluator.evaluate(start, Wanted::least_gram, zero);
    if (!std::isfinite(zero.loss)) return newton(evaluator, std::move(start), {}, aim);
    Numbers shares = shares_of(table);
    for (Index c = 0; c + 1 < table.classes && table.intercept; ++c)
      start[at((c + 1) * evaluator.columns() - 1)] = std::log(shares[at(c)] / shares.back());
    if (!metric.of_least_gram(zero, evaluator.columns(), table.classes, std::move(shares))) {
      DescentResult out;
      out.theta = std::move(start);
      out.loss = zero.loss;
      out.least = zero.least;
      return out;
    }
  }
  const bool second = evaluator.parameters() <= kMostParameters;
  DescentResult out = quasi_newton(evaluator, std::move(start), metric, second ? std::max(worth, kAnyway) : INT64_MAX);
  if (out.status != DescentStatus::undecided || !second) return out;
  const Index before = out.evaluations;
  if (!(out.loss < weight_of(table.rows) * std::log(static_cast<double>(table.classes))))
    std::fill(out.theta.begin(), out.theta.end(), 0.0);
  out = newton(evaluator, std::move(out.theta), {}, aim);
  out.evaluations += before;
  return out;
}

Numbers unshifted(Numbers theta, const Numbers& shift, Index columns) {
  for (std::size_t begin = 0; begin < theta.size(); begin += at(columns)) {
    base::DoubleDouble sum{theta[begin + shift.size()], 0};
    for (std::size_t j = 0; j < shift.size(); ++j) sum.add_product(-theta[begin + j], shift[j]);
    theta[begin + shift.size()] = sum.value();
  }
  return theta;
}

template DescentResult descend(const ClassifiedRows<double>&, const Numbers&, int, Index, Numbers);
template DescentResult descend(const ClassifiedRows<float>&, const Numbers&, int, Index, Numbers);

}  // namespace pyrometer::minimum
