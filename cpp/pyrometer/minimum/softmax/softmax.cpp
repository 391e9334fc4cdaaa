#include "pyrometer/minimum/softmax/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/faces/facial_reduction.hpp"
#include "pyrometer/minimum/logistic/canonical_rows.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"
#include "pyrometer/minimum/logistic/dependence.hpp"
#include "pyrometer/minimum/logistic/exact_columns.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"
#include "pyrometer/minimum/logistic/outlying_rows.hpp"
#include "pyrometer/minimum/logistic/pairs.hpp"
#include "pyrometer/minimum/softmax/columns.hpp"
#include "pyrometer/minimum/softmax/descent.hpp"
#include "pyrometer/minimum/softmax/exact_loss.hpp"
#include "pyrometer/minimum/softmax/faces.hpp"
#include "pyrometer/minimum/softmax/minimise.hpp"
#include "pyrometer/minimum/softmax/rest.hpp"
#include "pyrometer/minimum/softmax/solution.hpp"
#include "pyrometer/minimum/softmax/survey.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;
// Above this gap, relative to the loss, the margins of pairs of classes are tried as coordinates.
constexpr double kOpen = 1e-10;
// A gap of which this times the part that dependent columns have is less is the same without them.
constexpr double kLittle = 16;
// Newton's method ends after fewer evaluations where the Hessian is singular.
constexpr Index kBriefly = 60;

bool all_finite(const Numbers& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
}

/// Parameters of all columns from those of a basis.
Numbers mapped(const Basis& basis, const Numbers& phi, Index columns) {
  const Index r = basis.rank, others = r ? std::ssize(phi) / r : 0;
  Numbers out(at(others * columns), 0.0);
  for (Index c = 0; c < others; ++c)
    for (Index j = 0; j < columns; ++j)
      for (Index k = 0; k < r; ++k) out[at(c * columns + j)] += basis.map[at(j * r + k)] * phi[at(c * r + k)];
  return out;
}

/// Bounds of the errors of the parameters of all classes less their mean, where those of column j are sums over columns
/// k with coefficients of(j, k).
template <class Coefficients>
Numbers errors_of(DescentResult& result, Index classes, Index columns, const Coefficients& of) {
  if (!std::isfinite(result.radius)) return {};
  Numbers errors(at(classes * columns)), x(at(columns));
  const double unit = static_cast<double>(columns + classes + 4) * kUnit;
  for (Index j = 0; j < columns; ++j) {
    double terms = 0;
    for (Index k = 0; k < columns; ++k) {
      double largest = 0;
      for (Index c = 0; c + 1 < classes; ++c) largest = std::max(largest, std::abs(result.theta[at(c * columns + k)]));
      terms += std::abs(x[at(k)] = of(j, k)) * largest;
    }
    for (Index c = 0; c < classes; ++c)
      errors[at(c * columns + j)] = result.radius * result.metric.centred(c, classes, x) + 2 * unit * terms;
  }
  return errors;
}

/// The loss at `centred` parameters.
template <class T>
double centred_loss_at(const ClassifiedRows<T>& table, Numbers theta, int threads) {
  const std::vector<int> exponents(at(table.rows.features), 0);
  return loss_at(table, exponents, centred(std::move(theta), table.classes), threads);
}

/// The same, or at 0 if that is less.
double least_loss_at(const ClassifiedRows<double>& table, Numbers theta) {
  const double there = centred_loss_at(table, std::move(theta), 1);
  const double zeros = weight_of(table.rows) * std::log(static_cast<double>(table.classes));
  return there <= zeros ? there : zeros;
}

/// theta + factor direction, unless that is so far that rounding of the parameters makes the loss exceed `aim`: then
/// the point of least loss nearer to theta by powers of four, or `other` where the loss is less.
Numbers least_along(const ClassifiedRows<double>& table, Numbers theta, double factor, const Numbers& direction,
                    double aim, Numbers other) {
  constexpr int kMost = 30;
  const auto at_part = [&](double part) {
    Numbers there = theta;
    for (std::size_t j = 0; j < there.size(); ++j) there[j] += part * factor * direction[j];
    return there;
  };
  Numbers best = at_part(1);
  double least = least_loss_at(table, best);
  const auto try_other = [&](Numbers there) {
    const double loss = least_loss_at(table, there);
    if (loss < least) least = loss, best = std::move(there);
  };
  if (!(least > aim * (1 + kOpen))) return best;
  try_other(std::move(other));
  for (int k = 1; k <= kMost && least > aim * (1 + kOpen); ++k) try_other(at_part(std::ldexp(1.0, -2 * k)));
  return best;
}

/// Zeros, without a certificate.
Solution zeros_of(const ClassifiedRows<double>& table, const Basis& basis) {
  Solution out;
  const Index constant = table.intercept ? 1 : 0;
  out.rank = basis.rank - constant;
  out.theta.assign(at((table.classes - 1) * (table.rows.features + constant)), 0.0);
  out.value = weight_of(table.rows) * std::log(static_cast<double>(table.classes));
  out.gap = INFINITY;
  return out;
}

/// The infimum where a descent on the given columns does not find a minimum: on a basis of the columns, and where
/// classes are separated, without them.
Solution on_basis(const ClassifiedRows<double>& table, const Basis& basis, int threads) {
  const data::Rows<double>& rows = table.rows;
  const Index columns = rows.features + (table.intercept ? 1 : 0), others = table.classes - 1;
  Solution out = zeros_of(table, basis);
  const double weight = weight_of(rows);
  if (basis.rank == 0) {
    out.gap = 16 * kUnit * out.value;
    return out;
  }
  const ClassifiedRows<double> simple{
      {basis.rows.get(), rows.y, rows.rows, basis.rank, rows.rows * basis.rank, rows.weights}, table.classes, false};
  const Numbers none(at(basis.rank), 0.0);
  DescentResult result = descend(simple, none, threads);
  out.evaluations = result.evaluations;
  const ExactColumns exact(rows, table.intercept, basis.kept);
  const data::Rows<double> exactly = exact.of(rows);
  ClassFace face;
  DescentResult rest;
  if (result.drifting) {
    rest = rest_of(simple, exactly, result.theta, threads, face);
    out.evaluations += rest.evaluations;
    if (!(face.certain && face.any && rest.status == DescentStatus::converged)) {
      SoftmaxEvaluator<double> evaluator(simple, none.data(), threads);
      result = newton(evaluator, std::move(result.theta), {}, NewtonAim::minimum);
      out.evaluations += result.evaluations;
    }
  }
  const auto lowered = [&](const std::uint8_t* allowed) {
    return out.lowered = lowered_by_rounding(rows, table.intercept, basis.null, out.theta, out.value,
                                             [&] { return slopes_of(table, allowed, out.theta); });
  };
  const auto undecided = [&] {
    out.value = out.gap = result.loss;
    out.theta = mapped(basis, result.theta, columns);
    return out;
  };
  if (result.status == DescentStatus::converged) {
    undecided();
    out.gap = result.gap + lowered(nullptr);
    if (basis.rank == columns)
      out.errors =
          errors_of(result, table.classes, columns, [&](Index j, Index k) { return basis.map[at(j * columns + k)]; });
    return out;
  }
  if (result.status == DescentStatus::separated) {
    Solution all = all_separated(mapped(basis, result.theta, columns), result.least, weight, others);
    all.rank = out.rank;
    all.evaluations = out.evaluations;
    return all;
  }
  if (!result.drifting) {
    rest = rest_of(simple, exactly, result.theta, threads, face);
    out.evaluations += rest.evaluations;
  }
  out.attained = !face.any && !face.open;
  PairsResult pairs;
  if ((face.certain || face.open) && !(rest.gap <= kOpen * rest.loss)) {
    pairs = minimum_of_pairs(exactly, table.classes, face.allowed, logits_of(simple.rows, table.classes, result.theta));
    out.evaluations += pairs.evaluations;
  }
  const bool paired = !pairs.theta.empty() && pairs.gap < std::min(rest.gap, pairs.loss);
  const bool converged = rest.status == DescentStatus::converged;
  if (!paired && !converged) return undecided();
  const auto solution = [&](bool of_pairs) {
    const Numbers& minimiser = of_pairs ? pairs.theta : rest.theta;
    out.value = of_pairs ? pairs.loss : rest.loss;
    out.gap = of_pairs ? pairs.gap : rest.gap;
    out.theta = of_pairs ? exact.back(minimiser, columns) : mapped(basis, minimiser, columns);
    out.gap += lowered(face.allowed.data());
    if (!face.any) return out;
    out.direction = exact.back(face.direction, columns);
    // The margins of the minimum are added to those of the direction.
    double largest = 0;
    for (const double one : logits_of(of_pairs ? exactly : simple.rows, table.classes, minimiser))
      largest = std::max(largest, 2 * std::abs(one));
    const double factor = 1 + largest / kFar;
    out.theta = least_along(table, std::move(out.theta), factor, out.direction, out.value + out.gap,
                            mapped(basis, result.theta, columns));
    out.gap += negligible(weight, others);
    return out;
  };
  if (!paired || !converged) return solution(paired);
  const auto excess = [&](const Solution& s) { return s.gap + std::max(least_loss_at(table, s.theta) - s.value, 0.0); };
  const Solution first = solution(true), second = solution(false);
  return excess(first) <= excess(second) ? first : second;
}

/// The number of searches that may follow, and the names of bases on which one has left the infimum open.
struct Searches {
  Index left;
  std::vector<std::size_t> open;
};

std::size_t name_of(const Basis& basis, const data::Rows<double>& rows) {
  const auto hash = [](const double* numbers, Index count) {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(numbers), at(count) * sizeof(double)});
  };
  return 31 * hash(basis.rows.get(), rows.rows * basis.rank) + hash(rows.y, rows.rows);
}

Solution reduced(const ClassifiedRows<double>& table, bool nested, Searches& searches, int threads);

/// The infimum of the rows that single columns do not separate from all others, with those far on their sides; none if
/// there are no others, or none such. Without them, more columns are dependent.
std::optional<Solution> without_separated(const ClassifiedRows<double>& table, bool nested, Searches& searches,
                                          int threads) {
  const data::Rows<double>& rows = table.rows;
  std::vector<Index> remaining;
  const std::vector<SeparatedByColumn> parts = separated_by_columns(rows, table.intercept, remaining);
  if (parts.empty() || remaining.empty()) return {};
  const RowSubset others(rows, remaining);
  Solution out = reduced({others.rows(), table.classes, table.intercept}, nested, searches, threads);
  move_apart(rows, table.intercept, table.classes, parts, kFar, out.theta);
  out.direction.resize(out.theta.size(), 0.0);
  move_apart(rows, table.intercept, table.classes, parts, kFar, out.direction);
  const double reached = least_loss_at(table, out.theta);
  if (!(std::isfinite(reached) && all_finite(out.theta) && all_finite(out.direction))) return {};
  out.gap += std::max(0.0, reached - out.value) + negligible(weight_of(rows), table.classes - 1);
  out.attained = false;
  return out;
}

/// The infimum without a column that is a combination of sparser ones in `null`, if there is one.
std::optional<Solution> without_dense(const ClassifiedRows<double>& table, const std::vector<Numbers>& null,
                                      bool nested, Searches& searches, int threads) {
  const data::Rows<double>& rows = table.rows;
  const DenseColumn dense = dependent_column(rows, table.intercept, null);
  if (!dense.null) return {};
  const bool constant = dense.column == rows.features;
  const Numbers X = without_column(rows, dense.column);
  ClassifiedRows<double> others{rows, table.classes, table.intercept && !constant};
  if (!constant) others.rows.X = X.data(), --others.rows.features, others.rows.readable = std::ssize(X);
  Solution out = reduced(others, nested, searches, threads);
  const Index width = rows.features + (table.intercept ? 1 : 0) - 1;
  for (Numbers* const numbers : {&out.theta, &out.direction})
    for (Index c = std::ssize(*numbers) / std::max<Index>(width, 1); c-- > 0;)
      numbers->insert(numbers->begin() + c * width + dense.column, 0);
  out.gap += lowered_by_rounding(rows, table.intercept, {*dense.null}, out.theta, out.value,
                                 [&] { return slopes_of(table, nullptr, out.theta); });
  return out;
}

/// Rows of which a class is far below their own, beyond rounding.
std::vector<bool> ruling_rows(const ClassifiedRows<double>& table, const Numbers& theta) {
  constexpr double kFarBelow = 20;
  const data::Rows<double>& rows = table.rows;
  const Index p = rows.features, n = p + (table.intercept ? 1 : 0), classes = table.classes;
  const double rounding = 4 * static_cast<double>(p + 1) * kUnit;
  std::vector<bool> out(at(rows.rows), false);
  Tile tile(p);
  Numbers z(at(classes * Tile::kRows), 0.0), terms(z);
  for (Index begin = 0; begin < rows.rows; begin += Tile::kRows) {
    tile.fill(std::min(Tile::kRows, rows.rows - begin), [&](Index k) { return rows.X + (begin + k) * p; });
    for (Index c = 0; c + 1 < classes; ++c)
      tile.combine(theta.data() + c * n, table.intercept ? theta[at(c * n + p)] : 0.0, &z[at(c * Tile::kRows)],
                   &terms[at(c * Tile::kRows)]);
    for (Index k = 0; k < tile.rows(); ++k) {
      const std::size_t own = at(static_cast<Index>(rows.y[begin + k]) * Tile::kRows + k);
      for (std::size_t c = at(k); c < z.size(); c += at(Tile::kRows))
        if (z[own] - z[c] > std::max(kFarBelow, rounding * (terms[own] + terms[c]))) out[at(begin + k)] = true;
    }
  }
  return out;
}

/// The infimum where columns that depend on others within rounding, but for rows that are left out, are 0 in all other
/// rows; none if there are no such columns.
std::optional<Solution> in_reduced(const ClassifiedRows<double>& table, const std::vector<bool>& left_out,
                                   Searches& searches, int threads) {
  const ReducedColumns columns(table.rows, table.intercept, left_out, threads);
  if (!columns.any()) return {};
  const ClassifiedRows<double> other{columns.rows(), table.classes, table.intercept};
  Solution out = reduced(other, true, searches, threads);
  out.gap += columns.lowered(out.theta, out.value, [&] { return slopes_of(other, nullptr, out.theta); });
  columns.back(out.theta);
  columns.back(out.direction);
  out.errors.clear();
  const double reached = least_loss_at(table, out.theta);
  out.gap += std::abs(reached - out.value) + 1000 * kUnit * reached;
  return out;
}

/// The infimum, and where it is open, that in other ways, each of which may lead to others. nested: with columns
/// replaced. A basis on which it was left open, but for rounding of dependent columns, is not searched again: it is the
/// same without one of these.
Solution reduced(const ClassifiedRows<double>& table, bool nested, Searches& searches, int threads) {
  --searches.left;
  const data::Rows<double>& rows = table.rows;
  Basis basis = reduce(Matrix{rows.X, rows.rows, rows.features}, table.intercept, false, threads);
  const std::size_t name = name_of(basis, rows);
  const bool again = std::find(searches.open.begin(), searches.open.end(), name) != searches.open.end();
  Solution out = again ? zeros_of(table, basis) : on_basis(table, basis, threads);
  if (!(out.gap <= kOpen * out.value) && kLittle * out.lowered <= out.gap) searches.open.push_back(name);
  basis.rows.reset();
  for (Index c = 0; c < table.classes && out.attained; ++c)
    if (separated_by_column(rows, table.intercept, static_cast<double>(c))) out.attained = false, out.errors.clear();
  if (!basis.settled) out.gap = std::max(out.gap, out.value);
  const auto open = [&] { return searches.left > 0 && !(out.gap <= kOpen * out.value) && out.value > 0; };
  std::vector<std::vector<bool>> tried;
  const bool apart = searches.left > 0 && !nested && out.value > 0 &&
                     least_loss_at(table, out.theta) > out.value * (1 + ReducedColumns::kClosed);
  for (int way = 0; way < 2 && !nested && (apart || open()); ++way) {
    std::vector<bool> left_out = way == 0 ? ruling_rows(table, out.theta) : large_rows(rows, table.intercept);
    if (std::count(left_out.begin(), left_out.end(), true) == 0) continue;
    if (std::find(tried.begin(), tried.end(), left_out) != tried.end()) continue;
    std::optional<Solution> found = in_reduced(table, left_out, searches, threads);
    if (found && found->gap <= ReducedColumns::kClosed * found->value && (apart || found->gap < out.gap))
      return *std::move(found);
    tried.push_back(std::move(left_out));
  }
  if (open()) take_better(without_separated(table, nested, searches, threads), out);
  if (open()) take_better(without_dense(table, basis.null, nested, searches, threads), out);
  return out;
}

/// The infimum of rows whose columns have sizes near 1, where a descent on the given columns finds it.
template <class T>
std::optional<Solution> infimum_of(const ClassifiedRows<T>& table, const Numbers& means, int threads) {
  const Index columns = table.rows.features + (table.intercept ? 1 : 0);
  const Numbers shift = table.intercept ? means : Numbers(at(table.rows.features), 0.0);
  DescentResult result = descend(table, shift, threads);
  require(std::isfinite(result.loss), "X must be finite and its products with parameters below 1.8e308; rescale it");
  if (result.status == DescentStatus::undecided) return {};
  Solution out;
  if (result.status == DescentStatus::converged)
    out.errors = errors_of(result, table.classes, columns, [&](Index j, Index k) {
      return j == k ? 1.0 : table.intercept && j == table.rows.features ? -shift[at(k)] : 0.0;
    });
  if (table.intercept) result.theta = unshifted(std::move(result.theta), shift, columns);
  if (result.status == DescentStatus::separated) {
    out = all_separated(std::move(result.theta), result.least, weight_of(table.rows), table.classes - 1);
  } else {
    out.value = result.loss;
    out.gap = result.gap;
    out.theta = std::move(result.theta);
  }
  out.rank = table.rows.features;
  out.evaluations = result.evaluations;
  return out;
}

/// The minimum in coordinates of few rows that are far larger than all others, if there are any and it is certified.
std::optional<Solution> in_outlying(const ClassifiedRows<double>& table, const Numbers& largest, int threads) {
  OutlyingRows outlying(table.rows, table.intercept, table.classes, false, largest);
  if (!outlying.any()) return {};
  const Index n = table.rows.features + (table.intercept ? 1 : 0);
  Solution out;
  for (double lost = 0;;) {
    const data::Rows<double> rows = outlying.rows(table.rows, threads);
    const ClassifiedRows<double> part{rows, outlying.classes(), false, outlying.allowed()};
    const Numbers none(at(n), 0.0);
    const std::vector<Index> free = outlying.free();
    DescentResult result;
    if (free.empty()) {
      result = descend(part, none, threads, outlying.active(), outlying.start());
    } else {
      SoftmaxEvaluator<double> evaluator(part, none.data(), threads);
      result = newton(evaluator, outlying.start(), free, NewtonAim::minimum);
    }
    out.evaluations += result.evaluations;
    if (result.status != DescentStatus::converged) {
      if (result.status != DescentStatus::undecided) return {};
      if (!outlying.retry(result.theta, result.evaluations <= kBriefly)) return {};
      continue;
    }
    if (!of_first_order(result.gap, result.loss)) return {};
    if (outlying.activate(result.theta, lost)) {
      outlying.arrange();
      continue;
    }
    out.value = result.loss;
    out.gap = result.gap + lost;
    out.theta = outlying.back(result.theta);
    out.rank = table.rows.features;
    const Numbers map = outlying.map(), exact = outlying.back(result.theta, false);
    const double there = centred_loss_at(table, out.theta, threads);
    // The moves of logits may be larger than rounding.
    if (there - out.value > out.gap && centred_loss_at(table, exact, threads) < there) out.theta = exact;
    if (outlying.stretched() || !free.empty()) return out;
    out.errors = errors_of(result, table.classes, n, [&](Index j, Index k) { return map[at(j * n + k)]; });
    outlying.exchange(out.errors);
    for (std::size_t k = 0; k < out.errors.size(); ++k) {
      double most = 0;
      for (std::size_t j = k % at(n); j < exact.size(); j += at(n))
        most = std::max(most, std::abs(out.theta[j] - exact[j]));
      out.errors[k] = 1.01 * out.errors[k] + 2 * most;
    }
    return out;
  }
}

/// The infimum of rows whose columns are multiplied by powers of two, in the units of the rows.
template <class T>
std::optional<Solution> in_other_units(const ClassifiedRows<T>& table, const std::vector<int>& exponents, int threads) {
  const data::Rows<T>& rows = table.rows;
  const Index p = rows.features, n = p + (table.intercept ? 1 : 0);
  Numbers X(at(rows.rows * p)), labels(rows.y, rows.y + rows.rows);
  for (Index i = 0; i < rows.rows * p; ++i) X[at(i)] = std::ldexp(static_cast<double>(rows.X[i]), exponents[at(i % p)]);
  const ClassifiedRows<double> other{
      {X.data(), labels.data(), rows.rows, p, rows.rows * p, rows.weights}, table.classes, table.intercept};
  std::optional<Solution> solution = infimum_of(other, survey_of(other.rows, threads).mean, threads);
  if (!solution) return {};
  for (Numbers* const numbers : {&solution->theta, &solution->direction, &solution->errors})
    for (std::size_t j = 0; j < numbers->size(); ++j)
      if (const std::size_t column = j % at(n); column < at(p))
        (*numbers)[j] = std::ldexp((*numbers)[j], exponents[column]);
  return solution;
}

/// The infimum in coordinates of few large rows, unless `tried` by a descent on the given columns, or on a basis.
Solution in_turn(const ClassifiedRows<double>& table, const Survey& survey, bool tried, int threads) {
  std::optional<Solution> found = in_outlying(table, survey.largest, threads);
  if (!found && !tried) found = infimum_of(table, survey.mean, threads);
  if (found) return *std::move(found);
  Searches searches{most_searches(table.rows.rows, (table.classes - 1) * (table.rows.features + 1)), {}};
  return reduced(table, false, searches, threads);
}

/// The infimum where a descent on the given columns was `tried` and does not find it, or rows are large: of few rows in
/// their canonical form.
Solution hard(const ClassifiedRows<double>& table, const Survey& survey, bool scaled, bool tried, int threads) {
  const data::Rows<double>& rows = table.rows;
  if (!scaled && rows.rows * rows.features > kMostCanonical) return in_turn(table, survey, tried, threads);
  const CanonicalRows canonical(rows);
  const ClassifiedRows<double> other{canonical.rows(), table.classes, table.intercept};
  tried = tried && other.rows.rows == rows.rows;
  Solution out = in_turn(other, survey_of(other.rows, threads), tried, threads);
  out.value *= canonical.unit();
  out.gap *= canonical.unit();
  for (Numbers* const numbers : {&out.theta, &out.direction, &out.errors})
    canonical.back(*numbers, rows.features + (table.intercept ? 1 : 0));
  return out;
}

Solution hard(const ClassifiedRows<float>& table, const Survey& survey, bool scaled, bool tried, int threads) {
  Numbers numbers;
  return hard({as_doubles(table.rows, numbers), table.classes, table.intercept}, survey, scaled, tried, threads);
}

/// Adds to the gap what rounding of the parameters, after the loss was computed, may change. `simple`: after a descent
/// on the given columns; `all`: all classes have rows.
template <class T>
void add_rounding(const ClassifiedRows<T>& table, const std::vector<int>& exponents, const Numbers& largest,
                  bool simple, bool all, int threads, Solution& solution) {
  const data::Rows<T>& rows = table.rows;
  const Index n = rows.features + (table.intercept ? 1 : 0);
  const double moved = moved_by_rounding(solution.theta, largest, n), weight = static_cast<double>(rows.rows);
  const bool undecided = solution.attained && solution.gap >= solution.value;
  const bool few = rows.rows * rows.features <= kMostCanonical;
  if ((simple || !few) && moved < 0.01 * std::sqrt(solution.gap / weight) && !undecided) return;
  double reached = loss_at(table, exponents, solution.theta, threads);
  const double zeros = weight * std::log(static_cast<double>(table.classes));
  if (!(reached <= zeros) && all) {  // rounding moves logits of large rows
    std::fill(solution.theta.begin(), solution.theta.end(), 0.0);
    solution.errors.clear();
    reached = zeros;
  }
  if (reached < solution.value - 2 * solution.gap) solution.gap = solution.value;  // a bound that does not hold
  solution.gap += std::isfinite(reached) ? std::max(reached - solution.value, 0.0) + 100 * kUnit * reached : INFINITY;
  if (std::isfinite(reached))  // 0 is a lower bound
    solution.gap = std::min(solution.gap, std::max(solution.value, reached) * (1 + 100 * kUnit));
  // Without a certain digit the value is the loss at the parameters.
  if (solution.value > 0 && solution.gap >= solution.value && std::isfinite(reached))
    solution.value = std::max(solution.value, reached);
}

/// The infimum over the classes that have rows, and its parameters of all classes.
template <class T>
Solution solve(const ClassifiedRows<T>& table, int threads) {
  const data::Rows<T>& rows = table.rows;
  const Index p = rows.features, n = p + (table.intercept ? 1 : 0), classes = table.classes;
  std::vector<Index> counts(at(classes), 0), name(at(classes), -1), present;
  for (Index i = 0; i < rows.rows; ++i) {
    const auto c = static_cast<double>(rows.y[i]);
    require(c >= 0 && c < static_cast<double>(classes) && c == std::floor(c), "y must be a class 0 .. ", classes - 1,
            ", got ", Printed{c}, " at row ", i);
    ++counts[at(static_cast<Index>(c))];
  }
  for (Index c = 0; c < classes; ++c)
    if (counts[at(c)] > 0 || !table.intercept) name[at(c)] = std::ssize(present), present.push_back(c);
  const auto kept = std::ssize(present);
  std::vector<T> y;
  ClassifiedRows<T> part = table;
  if (kept < classes) {
    for (Index i = 0; i < rows.rows; ++i) y.push_back(static_cast<T>(name[at(static_cast<Index>(rows.y[i]))]));
    part.rows.y = y.data();
    part.classes = kept;
  }
  Solution solution;
  bool simple = false;
  const Survey survey = survey_of(rows, threads);
  const std::vector<int> exponents = exponents_of(survey.largest);
  const bool scaled = std::any_of(exponents.begin(), exponents.end(), [](int e) { return e != 0; });
  if (kept == 1) {
    solution.attained = false;
    solution.rank = p;
  } else {
    std::optional<Solution> found;
    const OutlyingRows outlying(part.rows, part.intercept, kept, false, survey.largest);
    const bool large = outlying.any() && outlying.few();
    if (!large) found = scaled ? in_other_units(part, exponents, threads) : infimum_of(part, survey.mean, threads);
    simple = found.has_value();
    solution = simple ? *std::move(found) : hard(part, survey, scaled, !large, threads);
  }
  if (!simple && !(all_finite(solution.theta) && all_finite(solution.direction)))
    solution = zeros_instead(solution, static_cast<double>(rows.rows) * std::log(static_cast<double>(kept)));
  const auto of_all = [&](Numbers others) {
    Numbers full(at(classes * n), 0.0);
    if (others.empty()) return full;
    others = centred(std::move(others), kept);
    for (Index c = 0; c < kept; ++c) std::copy_n(others.begin() + c * n, n, full.begin() + present[at(c)] * n);
    return full;
  };
  Numbers full = of_all(std::move(solution.theta));
  solution.direction = of_all(std::move(solution.direction));
  if (kept < classes) {
    solution.attained = false;
    solution.errors.clear();
    // The largest logit of a row is not negative, as their sum is 0.
    for (Index c = 0; c < classes; ++c)
      if (name[at(c)] < 0) full[at(c * n + n - 1)] = -kFar - std::log(static_cast<double>(classes));
    solution.gap += std::exp(-kFar) * static_cast<double>(rows.rows);
  }
  for (std::size_t j = 0; j < full.size(); ++j)
    require(std::isfinite(full[j]), "parameters must be below 1.8e308, got an overflow for column ",
            static_cast<Index>(j) % n, "; rescale it");
  solution.theta = std::move(full);
  add_rounding(table, exponents, survey.largest, simple, kept == classes, threads, solution);
  return solution;
}

}  // namespace

template <class T>
void softmax(const RowsOfClasses<T>& data, int threads, const SoftmaxMinima& out) {
  require(data.rows >= 1, "X must have at least one row, got ", data.rows);
  require(data.classes >= 2, "there must be at least two classes, got ", data.classes);
  require(data.columns() >= 1, "there must be at least one column");
  const Index size = data.rows * data.features, numbers = data.classes * data.columns();
  const auto one = [&](Index s, int inner) {
    const data::Rows<T> rows{
        data.X + s * size, data.y + s * data.rows,    data.rows,
        data.features,     (data.systems - s) * size, data.weights ? data.weights + s * data.rows : nullptr};
    const ClassifiedRows<T> table{rows, data.classes, data.intercept};
    const Solution solution = solve(table, inner);
    const double share = 1 / static_cast<double>(data.rows);
    out.value[at(s)] = solution.value * share;
    out.gap[at(s)] = solution.gap * share;
    out.attained[at(s)] = solution.attained;
    out.rank[at(s)] = solution.rank;
    out.iterations[at(s)] = solution.evaluations;
    std::copy(solution.theta.begin(), solution.theta.end(), out.parameters.begin() + s * numbers);
    const auto copy = [&](const Numbers& from, std::span<double> to, double unknown) {
      if (to.empty()) return;
      std::fill_n(to.begin() + s * numbers, numbers, unknown);
      std::copy(from.begin(), from.end(), to.begin() + s * numbers);
    };
    copy(solution.errors, out.parameter_error, INFINITY);
    copy(solution.direction, out.direction, 0);
  };
  if (size * data.classes >= (1 << 18)) {
    for (Index s = 0; s < data.systems; ++s) one(s, threads);
    return;
  }
  base::for_each_chunk(data.systems, threads, [&](Index s, int) { one(s, 1); });
}

template void softmax(const RowsOfClasses<double>&, int, const SoftmaxMinima&);
template void softmax(const RowsOfClasses<float>&, int, const SoftmaxMinima&);

}  // namespace pyrometer::minimum
