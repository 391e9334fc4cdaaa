#include "pyrometer/minimum/logistic/independent_columns.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/data/products.hpp"
#include "pyrometer/minimum/dense/equilibrate.hpp"
#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

// Columns with relative pivots below this are recomputed from the rows.
constexpr double kParallel = 1e-6;
// Rows of a chunk of the columns' values.
constexpr Index kRows = 2048;
// Each round reduces a dependent column by a factor of at least 1000; after this many only rounding is left.
constexpr int kRounds = 10;

/// A column of the basis: its coefficients in the given columns.
struct Column {
  std::vector<double> combination;
  double largest = 0;     ///< of its values
  bool rounding = false;  ///< all its values are at rounding level
  Index own = 0;          ///< the given column it represents
};

/// The rows; for each column its largest absolute value and its mean; for each row the power of two that brings its
/// largest element, of columns scaled to a typical size of 1, to about 1.
struct Table {
  Matrix X;
  bool constant;
  int threads;
  std::vector<double> largest, mean, inverse_sizes;

  [[nodiscard]] Index columns() const { return X.cols + (constant ? 1 : 0); }
};

Table table_of(const Matrix& X, bool constant, int threads) {
  const auto p = at(X.cols);
  Table out{X, constant, threads, std::vector<double>(p, 0.0), std::vector<double>(p, 0.0), Numbers(at(X.rows))};
  const Index sampled = std::min(X.rows, Index{4096});
  const auto exponents = column_exponents(sampled, out.columns(), [&](Index k, Index j) {
    const auto i =
        static_cast<Index>(static_cast<double>(k) / static_cast<double>(sampled) * static_cast<double>(X.rows));
    return j < X.cols ? X.row(i)[j] : 1.0;
  });
  Numbers scales;
  for (const int exponent : exponents) scales.push_back(std::ldexp(1.0, exponent));
  for (Index i = 0; i < X.rows; ++i) {
    const double* row = X.row(i);
    double size = constant ? scales.back() : 0;
    for (std::size_t j = 0; j < p; ++j) {
      const double own = std::abs(row[j]);
      out.largest[j] = std::max(out.largest[j], own);
      out.mean[j] += row[j] - X.data[j];
      size = std::max(size, own * scales[j]);
    }
    out.inverse_sizes[at(i)] = size > 0 ? std::ldexp(1.0, std::clamp(-exponent_of(size), -1000, 1000)) : 1.0;
  }
  for (std::size_t j = 0; j < p; ++j) out.mean[j] = X.data[j] + out.mean[j] / static_cast<double>(X.rows);
  if (constant) out.largest.push_back(1);
  return out;
}

/// What decides whether a column is at rounding level: its largest value; the sum of its terms, relative to the size of
/// the row; and the largest value that exceeds the rounding error of its own terms, and that relative to its row.
struct Size {
  static constexpr std::size_t kLanes = 8;
  double largest[kLanes] = {}, sums[kLanes] = {}, exceeding[kLanes] = {}, remaining[kLanes] = {};

  void add(Index count, const double* value, const double* terms, const double* inverse_sizes, double allowed) {
    for (Index r = 0; r < count; r += Index{kLanes}) {
      const auto lanes = std::min(kLanes, at(count - r));
      for (std::size_t k = 0; k < lanes; ++k) {
        const std::size_t i = at(r) + k;
        const double size = std::abs(value[i]);
        const double excess = size > allowed * terms[i] ? size : 0.0, beyond = excess * inverse_sizes[i];
        largest[k] = size > largest[k] ? size : largest[k];
        sums[k] += terms[i] * inverse_sizes[i];
        exceeding[k] = excess > exceeding[k] ? excess : exceeding[k];
        remaining[k] = beyond > remaining[k] ? beyond : remaining[k];
      }
    }
  }
  void add(const Size& other) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      largest[k] = std::max(largest[k], other.largest[k]);
      sums[k] += other.sums[k];
      exceeding[k] = std::max(exceeding[k], other.exceeding[k]);
      remaining[k] = std::max(remaining[k], other.remaining[k]);
    }
  }
};

double largest_of(const double (&lanes)[Size::kLanes]) { return *std::max_element(std::begin(lanes), std::end(lanes)); }

/// The largest term of a column where the elements of the given columns are largest: `reach`.
double largest_term(const Numbers& reach, const Column& column) {
  double largest = 0;
  for (std::size_t r = 0; r < reach.size(); ++r)
    largest = std::max(largest, std::abs(column.combination[r]) * reach[r]);
  return largest;
}

/// The chosen columns of `values`, each a combination of the given columns, rounded once. A column is at rounding level
/// if all its values are: relative to their own terms; or, since coefficients are rounded, too, to twice those of a
/// typical row, but then to four times the largest term as well, since rows may have elements far above the typical
/// ones of their columns. A column kept for its rounding has parameters so large that they leave no bound of what
/// others hide.
void evaluate(const Table& table, std::vector<Column>& columns, const std::vector<Index>& chosen, double* values) {
  const Matrix& X = table.X;
  const base::Chunks chunks{X.rows, kRows};
  const auto width = std::ssize(columns), count = std::ssize(chosen);
  const double allowed = 4 * static_cast<double>(X.cols + 1) * kUnit;
  std::vector<Size> sizes(at(chunks.number() * count));
  base::for_each_chunk(chunks.number(), table.threads, [&](Index chunk, int) {
    Tile tile(X.cols);
    double value[Tile::kRows], terms[Tile::kRows];
    for (Index begin = chunks.begin(chunk); begin < chunks.end(chunk); begin += Tile::kRows) {
      tile.fill(std::min(Tile::kRows, chunks.end(chunk) - begin), [&](Index k) { return X.row(begin + k); });
      for (Index c = 0; c < count; ++c) {
        const Index own = chosen[at(c)];
        const Numbers& combination = columns[at(own)].combination;
        tile.combine(combination.data(), table.constant ? combination.back() : 0.0, value, terms);
        for (Index k = 0; k < tile.rows(); ++k) values[(begin + k) * width + own] = value[k];
        sizes[at(chunk * count + c)].add(tile.rows(), value, terms, table.inverse_sizes.data() + begin, allowed);
      }
    }
  });
  for (Index c = 0; c < count; ++c) {
    Size all;
    for (Index chunk = 0; chunk < chunks.number(); ++chunk) all.add(sizes[at(chunk * count + c)]);
    double sum = 0;
    for (const double part : all.sums) sum += part;
    Column& column = columns[at(chosen[at(c)])];
    column.largest = largest_of(all.largest);
    column.rounding = largest_of(all.remaining) <= 2 * allowed * sum / static_cast<double>(X.rows) &&
                      largest_of(all.exceeding) <= 4 * allowed * largest_term(table.largest, column);
  }
}

/// Sets coefficients at rounding level relative to the others to 0, except that of the column itself.
void clean(const Numbers& reach, Column& column) {
  const double largest = largest_term(reach, column);
  for (std::size_t r = 0; r < reach.size(); ++r) {
    const bool rounding = std::abs(column.combination[r]) * reach[r] <= kUnit * largest;
    if (rounding && static_cast<Index>(r) != column.own) column.combination[r] = 0;
  }
}

/// Drops columns that are not to be kept, and scales the others by powers of two to largest values near 1; a column
/// that leaves the range of a double becomes 0.
void compact(std::vector<Column>& columns, const std::vector<bool>& kept, Index rows, double* values) {
  const auto width = columns.size();
  std::vector<std::size_t> from;
  Numbers factors;
  for (std::size_t j = 0; j < width; ++j) {
    if (!kept[j]) continue;
    Column& column = columns[j];
    const bool known = column.largest > 0 && std::isfinite(column.largest);
    factors.push_back(known ? std::ldexp(1.0, -std::ilogb(column.largest)) : 0.0);
    for (double& t : column.combination) t *= factors.back();
    column.largest *= factors.back();
    if (from.size() != j) columns[from.size()] = std::move(column);
    from.push_back(j);
  }
  columns.resize(from.size());
  for (std::size_t i = 0; i < at(rows); ++i)
    for (std::size_t j = 0; j < from.size(); ++j)
      values[i * from.size() + j] = values[i * width + from[j]] * factors[j];
}

/// A quarter of the normal matrix of the columns: the curvature of the cross entropy at 0. padded(width) wide, upper
/// triangle.
base::AlignedArray<double> normal_matrix(const double* values, Index rows, Index width, int threads) {
  const Numbers ones(at(rows), 1.0), zeros(at(width), 0.0);
  const data::Rows<double> all{values, ones.data(), rows, width, rows * width};
  LossEvaluatorOf<double> evaluator(all, false, zeros.data(), threads);
  Evaluation evaluation;
  evaluator.evaluate(zeros.data(), true, evaluation);
  return std::move(evaluation.curvature);
}

Factor factor_of(const double* normal, Index width) {
  const Index ld = data::padded(width);
  Factor factor;
  factor.prepare(width);
  for (Index i = 0; i < width; ++i) factor.scale(i) = std::sqrt(normal[i * ld + i]);
  for (Index i = 0; i < width; ++i)
    for (Index j = i; j < width; ++j) factor.row(i)[j] = normal[i * ld + j] / factor.scale(i) / factor.scale(j);
  factor.run(kParallel);
  return factor;
}

/// The least squares coefficients of a column in the independent columns, in the order of the pivots.
Numbers parts_of(const double* normal, Index column, const Factor& factor) {
  const auto width = factor.size(), ld = data::padded(width);
  Numbers products(at(width)), parts(products);
  for (Index j = 0; j < width; ++j) products[at(j)] = normal[std::min(j, column) * ld + std::max(j, column)];
  factor.whiten(products.data(), parts.data());
  factor.forward(parts.data());
  factor.backward(parts.data());
  for (Index k = 0; k < factor.rank(); ++k) parts[at(k)] /= factor.scale_at(k);
  return parts;
}

/// Subtracts from each dependent column its projection on the independent ones until it is at rounding level, up to
/// three times: the second projection removes what rounding errors of the first one left.
void project(const Table& table, base::AlignedArray<double> normal, const Factor& factor, std::vector<Column>& columns,
             double* values) {
  std::vector<Index> unsettled;
  for (Index k = factor.rank(); k < factor.size(); ++k) unsettled.push_back(factor.column(k));
  for (int time = 0; time < 3 && !unsettled.empty(); ++time) {
    if (time > 0) normal = normal_matrix(values, table.X.rows, factor.size(), table.threads);
    for (const Index c : unsettled) {
      Column& column = columns[at(c)];
      const Numbers parts = parts_of(normal.get(), c, factor);
      for (Index i = 0; i < factor.rank(); ++i) {
        const Column& other = columns[at(factor.column(i))];
        for (std::size_t r = 0; r < table.largest.size(); ++r)
          column.combination[r] -= parts[at(i)] * other.combination[r];
      }
      clean(table.largest, column);
    }
    evaluate(table, columns, unsettled, values);
    std::erase_if(unsettled, [&](Index c) { return columns[at(c)].rounding; });
  }
}

}  // namespace

Basis reduce(const Matrix& X, bool constant, bool independent, int threads) {
  const Table table = table_of(X, constant, threads);
  const Index n = table.columns();
  Basis basis;
  basis.rows = base::aligned_array<double>(X.rows * n);
  std::vector<Column> columns;
  std::vector<Index> all;
  for (Index j = n - 1; j >= 0; --j) {
    all.push_back(std::ssize(columns));
    columns.push_back({Numbers(at(n), 0.0), 0, false, j});
    columns.back().combination[at(j)] = 1;
    if (constant && j < X.cols) columns.back().combination.back() = -table.mean[at(j)];
  }
  evaluate(table, columns, all, basis.rows.get());
  for (int round = 1;; ++round) {
    std::vector<bool> kept;
    for (Column& column : columns) {
      kept.push_back(!column.rounding || independent);
      if (!kept.back()) basis.null.push_back(std::move(column.combination));
    }
    compact(columns, kept, X.rows, basis.rows.get());
    if (columns.empty()) break;
    const auto width = std::ssize(columns);
    auto normal = normal_matrix(basis.rows.get(), X.rows, width, threads);
    const Factor factor = factor_of(normal.get(), width);
    if (factor.rank() == width || (independent && round >= kRounds)) break;
    if (round < kRounds)
      project(table, std::move(normal), factor, columns, basis.rows.get());
    else
      for (Index k = factor.rank(); k < width; ++k) {
        Column& column = columns[at(factor.column(k))];
        basis.settled = basis.settled && column.rounding;
        column.rounding = true;
      }
  }
  basis.rank = static_cast<Index>(columns.size());
  for (const Column& column : columns) basis.kept.push_back(column.own);
  basis.map.resize(at(n * basis.rank));
  for (Index r = 0; r < n; ++r)
    for (Index j = 0; j < basis.rank; ++j) basis.map[at(r * basis.rank + j)] = columns[at(j)].combination[at(r)];
  return basis;
}

}  // namespace pyrometer::minimum
