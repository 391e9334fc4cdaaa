#include "pyrometer/minimum/logistic/independent_columns.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/dense/equilibrate.hpp"
#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

namespace pyrometer::minimum {
namespace {

// Columns with relative pivots below this are recomputed from the rows.
constexpr double kParallel = 1e-6;
constexpr Index kRows = 1024;
// Each round reduces a dependent column by a factor of at least 1000; after this many only rounding is left.
constexpr int kRounds = 10;

/// A column of the basis: its coefficients in the given columns and its values.
struct Column {
  std::vector<double> combination;
  std::vector<double> values;
  double largest = 0;
  Index own = 0;  ///< the given column it represents
};

/// The size of a typical row, the scale of rounding errors.
double root_mean_square(const std::vector<double>& numbers) {
  double square = 0;
  for (const double x : numbers) square += x * x;
  return std::sqrt(square / static_cast<double>(numbers.size()));
}

/// The rows and their scales: powers of two that bring the largest element of each row to about 1.
struct Table {
  Matrix X;
  bool constant;
  int threads;
  std::vector<double> sizes;

  [[nodiscard]] Index columns() const { return X.cols + (constant ? 1 : 0); }
};

Table sized(const Matrix& X, bool constant, int threads) {
  Table out{X, constant, threads, std::vector<double>(at(X.rows))};
  const auto value = [&](Index i, Index j) { return j < X.cols ? X.row(i)[j] : 1.0; };
  const Index sampled = std::min(X.rows, Index{4096});
  const auto exponents = column_exponents(sampled, out.columns(), [&](Index k, Index j) {
    return value(
        static_cast<Index>(static_cast<double>(k) / static_cast<double>(sampled) * static_cast<double>(X.rows)), j);
  });
  for (Index i = 0; i < X.rows; ++i)
    out.sizes[at(i)] =
        std::ldexp(1.0, std::clamp(row_exponent(exponents, [&](Index j) { return value(i, j); }), -500, 500));
  return out;
}

/// values = X combination, rounded once; returns whether all are at rounding level: relative to their own terms, or,
/// since coefficients are rounded, too, to those of a typical row.
bool evaluate(const Table& table, Column& column) {
  const Matrix& X = table.X;
  const base::Chunks chunks{X.rows, kRows};
  column.values.resize(at(X.rows));
  std::vector<double> terms(column.values.size());
  std::vector<Index> used;
  for (Index j = 0; j < X.cols; ++j)
    if (column.combination[at(j)] != 0) used.push_back(j);
  base::for_each_chunk(chunks.number(), table.threads, [&](Index k, int) {
    for (Index i = chunks.begin(k); i < chunks.end(k); ++i) {
      const double* x = X.row(i);
      DoubleDouble sum{table.constant ? column.combination.back() : 0.0, 0};
      double size = std::abs(sum.hi);
      for (const Index j : used) {
        const double t = column.combination[at(j)];
        sum.add_product(x[j], t);
        size += std::abs(x[j] * t);
      }
      column.values[at(i)] = sum.value();
      terms[at(i)] = size / table.sizes[at(i)];
    }
  });
  const double typical = root_mean_square(terms);
  const double allowed = 4 * static_cast<double>(X.cols + 1) * kUnit;
  bool rounding = true;
  column.largest = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const double size = std::abs(column.values[i]);
    column.largest = std::max(column.largest, size);
    rounding = rounding && size <= allowed * std::max(terms[i], typical) * table.sizes[i];
  }
  return rounding;
}

/// Sets coefficients at rounding level relative to the others to 0, except that of the column itself.
void clean(const std::vector<double>& reach, Column& column) {
  double largest = 0;
  for (std::size_t r = 0; r < reach.size(); ++r)
    largest = std::max(largest, std::abs(column.combination[r]) * reach[r]);
  for (std::size_t r = 0; r < reach.size(); ++r) {
    const bool rounding = std::abs(column.combination[r]) * reach[r] <= kUnit * largest;
    if (rounding && static_cast<Index>(r) != column.own) column.combination[r] = 0;
  }
}

/// The largest absolute value of each given column.
std::vector<double> largest_of(const Matrix& X, bool constant) {
  std::vector<double> all(at(X.cols), 0.0);
  for (Index i = 0; i < X.rows; ++i)
    for (std::size_t j = 0; j < all.size(); ++j) all[j] = std::max(all[j], std::abs(X.row(i)[j]));
  if (constant) all.push_back(1);
  return all;
}

/// Scales a column by a power of two to a largest value near 1; drops a column that leaves the range of a double.
void rescale(Column& column) {
  const bool known = column.largest > 0 && std::isfinite(column.largest);
  const double factor = known ? std::ldexp(1.0, -std::ilogb(column.largest)) : 0.0;
  for (double& t : column.combination) t *= factor;
  for (double& value : column.values) value *= factor;
  column.largest *= factor;
}

base::AlignedArray<double> side_by_side(const std::vector<Column>& columns, Index rows) {
  const auto width = static_cast<Index>(columns.size());
  auto all = base::aligned_array<double>(rows * width);
  for (Index j = 0; j < width; ++j)
    for (Index i = 0; i < rows; ++i) all[at(i * width + j)] = columns[at(j)].values[at(i)];
  return all;
}

/// The pivoted Cholesky factor of the normal matrix of the columns.
Factor factor_of(const double* rows, Index count, Index width, int threads) {
  const std::vector<double> ones(at(count), 1.0), zeros(at(width), 0.0);
  const data::Rows<double> all{rows, ones.data(), count, width, count * width};
  LossEvaluatorOf<double> evaluator(all, false, zeros.data(), threads);
  Evaluation evaluation;
  evaluator.evaluate(zeros.data(), true, evaluation);
  const Index ld = data::padded(width);
  Factor factor;
  factor.prepare(width);
  for (Index i = 0; i < width; ++i) factor.scale(i) = std::sqrt(evaluation.curvature[at(i * ld + i)]);
  for (Index i = 0; i < width; ++i)
    for (Index j = i; j < width; ++j)
      factor.row(i)[j] = evaluation.curvature[at(i * ld + j)] / factor.scale(i) / factor.scale(j);
  factor.run(kParallel);
  return factor;
}

/// The least squares coefficients of `column` in the independent columns, in the order of the pivots.
std::vector<double> parts_of(const Column& column, const double* rows, const Factor& factor) {
  const auto width = at(factor.size());
  std::vector<double> products(width, 0.0), parts(width);
  for (std::size_t i = 0; i < column.values.size(); ++i)
    for (std::size_t j = 0; j < width; ++j) products[j] += rows[i * width + j] * column.values[i];
  for (double& product : products)
    product /= 4;  // the factor is that of the curvature at t = 0, a quarter of the normal matrix
  factor.whiten(products.data(), parts.data());
  factor.forward(parts.data());
  factor.backward(parts.data());
  for (Index k = 0; k < factor.rank(); ++k) parts[at(k)] /= factor.scale_at(k);
  return parts;
}

double mean_of(const Matrix& X, Index j) {
  const double first = X.data[j];
  double sum = 0;
  for (Index i = 0; i < X.rows; ++i) sum += X.row(i)[j] - first;
  return first + sum / static_cast<double>(X.rows);
}

}  // namespace

Basis reduce(const Matrix& X, bool constant, bool independent, int threads) {
  const Table table = sized(X, constant, threads);
  const Index n = table.columns();
  const std::vector<double> reach = largest_of(X, constant);
  Basis basis;
  std::vector<Column> columns;
  const auto keep = [&](Column&& column, bool rounding) {
    if (rounding && !independent) {
      basis.null.push_back(std::move(column.combination));
    } else {
      rescale(column);
      columns.push_back(std::move(column));
    }
  };
  for (Index j = n - 1; j >= 0; --j) {
    Column column{std::vector<double>(at(n), 0.0), {}, 0, j};
    column.combination[at(j)] = 1;
    if (constant && j < X.cols) column.combination.back() = -mean_of(X, j);
    const bool rounding = evaluate(table, column);
    keep(std::move(column), rounding);
  }

  for (int round = 1; !columns.empty(); ++round) {
    basis.rows = side_by_side(columns, X.rows);
    const auto width = static_cast<Index>(columns.size());
    const Factor factor = factor_of(basis.rows.get(), X.rows, width, threads);
    if (factor.rank() == width || (independent && round >= kRounds)) break;
    std::vector<Column> old;
    std::swap(old, columns);
    std::vector<bool> rounding(old.size(), false);
    for (Index k = factor.rank(); k < width; ++k) {
      Column& column = old[at(factor.column(k))];
      bool settled = round >= kRounds;
      // The second projection removes what rounding errors of the first one left.
      for (int time = 0; time < 3 && !settled; ++time) {
        const auto parts = parts_of(column, basis.rows.get(), factor);
        for (Index i = 0; i < factor.rank(); ++i) {
          const Column& other = old[at(factor.column(i))];
          for (std::size_t r = 0; r < reach.size(); ++r) column.combination[r] -= parts[at(i)] * other.combination[r];
        }
        clean(reach, column);
        settled = evaluate(table, column);
      }
      rounding[at(factor.column(k))] = settled;
    }
    for (std::size_t j = 0; j < old.size(); ++j) keep(std::move(old[j]), rounding[j]);
  }
  basis.rank = static_cast<Index>(columns.size());
  for (const Column& column : columns) basis.kept.push_back(column.own);
  basis.map.resize(at(n * basis.rank));
  for (Index r = 0; r < n; ++r)
    for (Index j = 0; j < basis.rank; ++j) basis.map[at(r * basis.rank + j)] = columns[at(j)].combination[at(r)];
  return basis;
}

}  // namespace pyrometer::minimum
