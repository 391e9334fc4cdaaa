#include "pyrometer/minimum/logistic/logistic.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/canonical_rows.hpp"
#include "pyrometer/minimum/logistic/newton.hpp"
#include "pyrometer/minimum/logistic/sample.hpp"
#include "pyrometer/minimum/logistic/separation.hpp"

namespace pyrometer::minimum {
namespace {

// Squares of deviations below this may underflow, of those above its reciprocal overflow.
constexpr double kTiny = 1e-140;

/// The number of rows whose label is 1.
template <class T>
Index ones_of(const data::Rows<T>& rows, const std::string& where) {
  Index ones = 0, odd = 0;
  for (Index i = 0; i < rows.rows; ++i) {
    ones += rows.y[i] == T{1};
    odd += rows.y[i] != T{1} && rows.y[i] != T{0};
  }
  if (odd == 0) [[likely]]
    return ones;
  for (Index i = 0; i < rows.rows; ++i) {
    require(rows.y[i] == T{1} || rows.y[i] == T{0}, "y must be 0 or 1, got ", Printed{static_cast<double>(rows.y[i])},
            " at ", where, "row ", i);
  }
  return ones;
}

/// Throws if a value is not finite, or if squares of a column over- or underflow.
void diagnose(const data::Rows<double>& rows, const std::string& where) {
  const Index p = rows.features;
  std::vector<double> sizes(at(p), 0.0), sums(sizes);
  double* const __restrict largest = sizes.data(), * const __restrict wrong = sums.data();
  for (Index i = 0; i < rows.rows; ++i) {
    for (Index j = 0; j < p; ++j) {
      const double value = rows.X[i * p + j], size = std::abs(value);
      largest[j] = size > largest[j] ? size : largest[j];
      wrong[j] += value * 0;  // nan where the value is not finite
    }
  }
  if (std::any_of(sums.begin(), sums.end(), [](double sum) { return std::isnan(sum); })) {
    for (Index i = 0; i < rows.rows * p; ++i)
      require(std::isfinite(rows.X[i]), "X must be finite, got ", Printed{rows.X[i]}, " at ", where, "row ", i / p,
              ", column ", i % p, "; drop or fill it");
  }
  for (Index j = 0; j < p; ++j) {
    const double size = largest[j];
    require(size == 0 || (size > kTiny && size < 1 / kTiny),
            "X must have squares that neither over- nor underflow, got ", Printed{size}, " for the largest value of ",
            where, "column ", j, "; rescale it");
  }
}

/// Column means, computed from differences to the first row: exact for constant columns.
template <class T>
std::vector<double> means(const data::Rows<T>& rows) {
  const Index p = rows.features;
  std::vector<double> sums(at(p), 0.0);
  double* const __restrict sum = sums.data();
  const T* row = rows.X;
  for (Index i = 0; i < rows.rows; ++i, row += p)
    for (Index j = 0; j < p; ++j) sum[j] += static_cast<double>(row[j]) - static_cast<double>(rows.X[j]);
  for (Index j = 0; j < p; ++j) {
    sum[j] = static_cast<double>(rows.X[j]) + sum[j] / static_cast<double>(rows.rows);
    if (!std::isfinite(sum[j])) sum[j] = 0;  // reported after the evaluation
  }
  return sums;
}

/// The infimum without features: a constant only, or no parameter at all. `ones` is the number of labels 1.
template <class T>
Infimum without_features(const data::Rows<T>& all, Index ones, bool intercept) {
  const Index rows = all.rows;
  Infimum out;
  double m = static_cast<double>(rows), a = static_cast<double>(ones), b = m - a;
  if (all.weights) {
    DoubleDouble of_ones, of_zeros;
    for (Index i = 0; i < rows; ++i) (all.y[i] == T{1} ? of_ones : of_zeros).add(all.weights[i]);
    a = of_ones.value(), b = of_zeros.value(), m = a + b;
  }
  if (!intercept) {
    out.value = m * std::log(2.0);
  } else if (ones == 0 || ones == rows) {
    out.attained = false;
    out.parameters = out.direction = {ones ? 40.0 : -40.0};
    out.gap = m * std::log1p(std::exp(-40.0));
  } else {
    out.parameters = {std::log(a / b)};
    out.errors = {4 * kUnit * (1 + std::abs(out.parameters[0]))};
    out.value = a * std::log1p(b / a) + b * std::log1p(a / b);
  }
  out.gap += 8 * kUnit * out.value;
  return out;
}

/// The infimum of any rows, of few in their canonical form.
Infimum infimum_of_any_rows(const data::Rows<double>& rows, bool intercept, KnownOfRows known, int threads) {
  if (known.separated || rows.rows * rows.features > kMostCanonical) return infimum(rows, intercept, known, threads);
  const CanonicalRows canonical(rows);
  known.theta = canonical.parameters(known.theta);
  Infimum out = infimum(canonical.rows(), intercept, known, threads);
  out.value *= canonical.unit();
  out.gap *= canonical.unit();
  for (std::vector<double>* const numbers : {&out.parameters, &out.direction, &out.errors})
    canonical.back(*numbers, rows.features + (intercept ? 1 : 0));
  return out;
}

/// Parameters of the original columns from those of the columns minus `shift`.
std::vector<double> unshifted(std::vector<double> theta, const std::vector<double>& shift, bool intercept) {
  if (!intercept) return theta;
  DoubleDouble sum{theta.back(), 0};
  for (std::size_t j = 0; j < shift.size(); ++j) sum.add_product(-theta[j], shift[j]);
  theta.back() = sum.value();
  return theta;
}

template <class T>
Infimum solve(const data::Rows<T>& rows, bool intercept, int threads, const std::string& where) {
  const Index ones = ones_of(rows, where), p = rows.features, n = p + (intercept ? 1 : 0);
  if (p == 0) return without_features(rows, ones, intercept);

  std::vector<double> shift(at(p), 0.0);
  const Index size = first_sample(n);
  if (intercept) shift = 4 * size <= rows.rows ? means(Sample<T>(rows, size, threads).rows(p)) : means(rows);
  const NewtonResult previous = minimum_of_samples(rows, intercept, shift.data(), threads);
  std::vector<double> numbers;
  if (previous.status == NewtonStatus::not_finite) diagnose(as_doubles(rows, numbers), where);
  LossEvaluatorOf<T> evaluator(rows, intercept, shift.data(), threads);
  NewtonResult result = newton(evaluator, previous.theta, NewtonOptions{}, &previous);
  if (result.status != NewtonStatus::converged) {
    const data::Rows<double> wide = as_doubles(rows, numbers);
    diagnose(wide, where);
    const KnownOfRows known{result.independent, result.status == NewtonStatus::separated,
                            unshifted(std::move(result.theta), shift, intercept)};
    Infimum out = infimum_of_any_rows(wide, intercept, known, threads);
    out.evaluations += result.evaluations;
    return out;
  }
  Infimum out;
  out.value = result.loss;
  out.rank = p;
  out.evaluations = result.evaluations;
  out.errors.resize(at(n));
  std::vector<double> c(at(n)), work;
  for (Index j = 0; j < n; ++j) {
    std::fill(c.begin(), c.end(), 0.0);
    for (Index k = 0; j == p && k < p; ++k) c[at(k)] = -shift[at(k)];
    c[at(j)] = 1;
    out.errors[at(j)] = result.error_of(c, work);
  }
  out.parameters = unshifted(std::move(result.theta), shift, intercept);
  // The rounding error of the intercept changes every t_i by the same amount.
  const double moved = intercept ? kUnit * std::abs(out.parameters.back()) : 0, m = static_cast<double>(rows.rows);
  if (intercept) out.errors.back() += moved;
  out.gap = result.excess + result.rounding + moved * std::sqrt(m * result.excess) / 2 + moved * moved * m / 8;
  return out;
}

}  // namespace

template <class T>
void logistic(const LabelledRows<T>& data, int threads, const LogisticMinima& out) {
  require(data.rows >= 1, "X must have at least one row, got ", data.rows);
  require(data.systems >= 0 && data.features >= 0, "X must have no negative dimension, got ", data.systems,
          " systems of ", data.features, " features");
  const Index size = data.rows * data.features, n = data.parameters();
  const auto one = [&](Index s, int inner) {
    const data::Rows<T> rows{
        data.X + s * size, data.y + s * data.rows,    data.rows,
        data.features,     (data.systems - s) * size, data.weights ? data.weights + s * data.rows : nullptr};
    const Infimum solution =
        solve(rows, data.intercept, inner, data.systems > 1 ? "system " + std::to_string(s) + ", " : std::string());
    const auto slot = at(s);
    const double m = static_cast<double>(data.rows);
    out.value[slot] = solution.value / m;
    out.gap[slot] = solution.gap / m;
    out.attained[slot] = solution.attained;
    out.rank[slot] = solution.rank;
    out.iterations[slot] = solution.evaluations;
    std::copy(solution.parameters.begin(), solution.parameters.end(), out.parameters.begin() + s * n);
    const auto errors = out.parameter_error.begin() + s * n;
    std::fill(errors, errors + n, INFINITY);
    std::copy(solution.errors.begin(), solution.errors.end(), errors);
    if (out.direction.empty()) return;
    const auto direction = out.direction.begin() + s * n;
    std::fill(direction, direction + n, 0.0);
    std::copy(solution.direction.begin(), solution.direction.end(), direction);
  };
  if (size * (n + 8) > (Index{1} << 22) && data.systems < 64) {
    for (Index s = 0; s < data.systems; ++s) one(s, threads);
    return;
  }
  const base::Chunks groups{data.systems, std::max<Index>(1, (Index{1} << 18) / (1 + size * (n + 8)))};
  base::for_each_chunk(groups.number(), threads, [&](Index group, int) {
    for (Index s = groups.begin(group); s < groups.end(group); ++s) one(s, 1);
  });
}

template void logistic(const LabelledRows<double>&, int, const LogisticMinima&);
template void logistic(const LabelledRows<float>&, int, const LogisticMinima&);

}  // namespace pyrometer::minimum
