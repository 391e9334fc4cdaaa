#include "pyrometer/minimum/absolute/whitening.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/absolute/dependence.hpp"
#include "pyrometer/minimum/absolute/kernels.hpp"
#include "pyrometer/minimum/absolute/normal_equations.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// The largest power of two at most `value`; 1 for zero.
double binade(double value) { return value > 0 ? std::ldexp(1.0, std::clamp(std::ilogb(value), -1000, 1000)) : 1.0; }

// Whether a size is 0 or within kMaxExponent; false for infinity and nan.
bool in_range(double size) { return size == 0 || std::abs(std::ilogb(size)) <= kMaxExponent; }

// The median of up to 128 of the values.
double median(const Vec& of) {
  const std::size_t step = 1 + of.size() / 128;
  Vec values;
  for (std::size_t i = 0; i < of.size(); i += step) values.push_back(of[i]);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Centres and scales of the sampled columns. A centre is a median, which is robust to outliers, rounded to the binade
// of the median deviation: subtracting it is then exact for data of few digits.
void centre_and_scale(Table& table, const Indices& sample, Whitening& whitening) {
  const Index p = table.features, rows = static_cast<Index>(sample.size());
  const Vec zero(at(p + 1));
  table.centre = zero.data();
  Vec row(at(table.columns + 1)), columns(at((p + 1) * rows));
  for (Index i = 0; i < rows; ++i) {
    const double y = table.row(sample[at(i)], row.data());
    row[at(p)] = y;
    for (Index j = 0; j <= p; ++j) {
      if (!std::isfinite(row[at(j)])) diagnose(table);
      columns[at(j * rows + i)] = row[at(j)];
    }
  }
  whitening.centre.assign(at(p + 1), 0.0);
  whitening.weight.assign(at(whitening.columns), 1.0);
  for (Index j = 0; j <= p; ++j) {
    Vec column(columns.begin() + j * rows, columns.begin() + (j + 1) * rows);
    double& centre = whitening.centre[at(j)];
    if (table.intercept) {
      centre = median(column);
      Vec deviation = column;
      for (double& value : deviation) value = std::abs(value - centre);
      const double typical = median(deviation);
      if (typical > 0) centre = std::round(centre / binade(typical)) * binade(typical);
    }
    double size = 0;
    for (const double value : column) size += std::abs(value - centre) / static_cast<double>(rows);
    if (!in_range(size)) diagnose(table);
    if (j < p) whitening.weight[at(j)] = 1 / binade(size);
    if (j < p) whitening.constant.push_back(size == 0);
    if (j == p) whitening.unit = binade(size);
  }
}

// From this many columns on, well conditioned columns are orthogonalised by a Cholesky factor of their normal matrix.
constexpr Index kManyColumns = 32;

// A QR factorisation of the scaled columns of the sample, with column pivoting.
struct Orthogonal {
  Vec q;          // columns, one after another; not from by_products
  Vec r;          // columns x columns: r[k, j] = q_k . column j / rows
  Vec size;       // root mean square of each column, the scale of its rounding errors
  Indices order;  // pivots first
  Index rank = 0;
};

// The triangle by Cholesky factorisation; an empty order if some column is nearly dependent on those before it. Cost:
// m n^2 flops.
Orthogonal by_products(const Table& table, const Whitening& whitening, const Indices& sample,
                       ExecutionContext context) {
  const Index n = whitening.columns, rows = static_cast<Index>(sample.size());
  Orthogonal o{{}, Vec(at(n * n)), {}, Indices(at(n)), n};
  // The constant first.
  for (Index k = 0; k < n; ++k) o.order[at(k)] = table.intercept ? (k + n - 1) % n : k;
  Rows scaled(n, rows);
  std::fill(scaled.x.begin(), scaled.x.end(), 0.0);
  Vec values(at(n + 1)), z(at(n)), weight(at(scaled.blocks() * kBlock));
  for (Index i = 0; i < rows; ++i) {
    table.row(sample[at(i)], values.data());
    for (Index k = 0; k < n; ++k) z[at(k)] = values[at(o.order[at(k)])] * whitening.weight[at(o.order[at(k)])];
    scaled.set(i, z.data(), 0);
    weight[at(i)] = 1 / static_cast<double>(rows);
  }
  Vec products = gram(scaled, weight, context), factor = products;
  const bool positive = factor_positive(factor, n);
  for (Index k = 0; k < n; ++k) {
    const double* row = factor.data() + k * (k + 1) / 2;
    if (!positive || !(row[k] * row[k] > 1e-4 * products[at(k * (k + 1) / 2 + k)])) return {};
    for (Index t = 0; t <= k; ++t) o.r[at(o.order[at(t)] * n + o.order[at(k)])] = row[t];
  }
  return o;
}

// Gram-Schmidt orthogonalisation with column pivoting and reorthogonalisation of the scaled sample. 4 m n^2 flops.
class GramSchmidt {
 public:
  // `by_row` divides each row by its largest element first, so that a few rows of extreme size do not hide whether the
  // others are independent. `growth` multiplies what counts as rounding.
  GramSchmidt(const Table& table, const Whitening& whitening, const Indices& sample, bool by_row, double growth)
      : columns_(whitening.columns),
        rows_(static_cast<Index>(sample.size())),
        stride_((rows_ + kLanes - 1) / kLanes * kLanes),
        scale_(1 / static_cast<double>(rows_)),
        intercept_(table.intercept),
        result_{Vec(at(columns_ * stride_)), Vec(at(columns_ * columns_)), Vec(at(columns_)), Indices(at(columns_)), 0},
        floor_(at(columns_)) {
    const double squares = take(table, whitening, sample, by_row);
    for (Index j = 0; j < columns_; ++j) {
      result_.order[at(j)] = j;
      result_.size[at(j)] = std::sqrt(dot(j, j));
      const bool feature = j < table.features;
      const double offset =
          feature ? std::abs(whitening.centre[at(j)]) * whitening.weight[at(j)] * std::sqrt(squares * scale_) : 0;
      floor_[at(j)] = 16 * growth * kEpsilon * (offset + result_.size[at(j)]);
    }
  }

  Orthogonal run() {
    for (Index k = 0; k < columns_; ++k) {
      const Index best = pivot(k);
      if (best < 0) break;
      std::swap(result_.order[at(k)], result_.order[at(best)]);
      orthogonalise(k);
    }
    return std::move(result_);
  }

 private:
  // Reads the rows, scaled. Returns the sum of squares of their factors.
  double take(const Table& table, const Whitening& whitening, const Indices& sample, bool by_row) {
    Vec values(at(columns_ + 1));
    double squares = 0;
    for (Index i = 0; i < rows_; ++i) {
      table.row(sample[at(i)], values.data());
      double largest = 0;
      for (Index j = 0; j < columns_; ++j) {
        values[at(j)] *= whitening.weight[at(j)];
        largest = std::max(largest, std::abs(values[at(j)]));
      }
      const double factor = by_row && largest > 0 ? 1 / largest : 1;
      for (Index j = 0; j < columns_; ++j) result_.q[at(j * stride_ + i)] = values[at(j)] * factor;
      squares += factor * factor;
    }
    return squares;
  }

  // The place in the order of the remaining column with the largest share left of its size; -1 for none above rounding.
  [[nodiscard]] Index pivot(Index k) {
    Index best = -1;
    double highest = 0;
    for (Index t = k; t < columns_; ++t) {
      const Index j = result_.order[at(t)];
      const double norm = std::sqrt(dot(j, j));
      // The constant goes first: it is exact, and the others are nearly orthogonal to it.
      const double score = intercept_ && k == 0 && j == columns_ - 1 ? std::numeric_limits<double>::infinity()
                                                                     : norm / std::max(result_.size[at(j)], 1e-300);
      if (norm > floor_[at(j)] && score > highest) highest = score, best = t;
    }
    return best;
  }

  // Makes pivot k a unit vector orthogonal to those before it, twice, and those after it orthogonal to it.
  void orthogonalise(Index k) {
    const Index pivot = result_.order[at(k)];
    for (int twice = 0; twice < 2; ++twice)
      for (Index t = 0; t < k; ++t) eliminate(result_.order[at(t)], pivot);
    const double norm = std::sqrt(dot(pivot, pivot));
    result_.r[at(pivot * columns_ + pivot)] = norm;
    for (Index i = 0; i < rows_; ++i) column(pivot)[i] /= norm;
    for (Index t = k + 1; t < columns_; ++t) eliminate(pivot, result_.order[at(t)]);
    result_.rank = k + 1;
  }

  // Subtracts from column j its part along column q, of length 1.
  void eliminate(Index q, Index j) {
    const double part = dot(q, j);
    result_.r[at(q * columns_ + j)] += part;
    double* from = column(j);
    const double* other = column(q);
    for (Index i = 0; i < stride_; i += kLanes) lanes(from + i, 0).v -= lanes(other + i, 0).v * part;
  }

  [[nodiscard]] double* column(Index j) { return result_.q.data() + j * stride_; }
  [[nodiscard]] double dot(Index a, Index b) {
    Lanes sum{};
    for (Index i = 0; i < stride_; i += kLanes) sum += lanes(column(a) + i, 0).v * lanes(column(b) + i, 0).v;
    return total(sum) * scale_;
  }

  Index columns_, rows_;
  Index stride_;  // columns are padded with zeros
  double scale_;
  bool intercept_;
  Orthogonal result_;
  Vec floor_;  // norms below are rounding
};

// A from the triangle: column order[k] = sum_{t<=k} r[t, k] q_t, solved for q by forward substitution.
void coordinates(const Orthogonal& o, Whitening& whitening) {
  const Index n = whitening.columns;
  whitening.rank = o.rank;
  whitening.A.assign(at(o.rank * n), 0.0);
  for (Index k = 0; k < o.rank; ++k) {
    double* row = whitening.A.data() + k * n;
    const Index pivot = o.order[at(k)];
    row[pivot] = whitening.weight[at(pivot)];
    for (Index t = 0; t < k; ++t) {
      const double part = o.r[at(o.order[at(t)] * n + pivot)];
      for (Index j = 0; j < n; ++j) row[j] -= part * whitening.A[at(t * n + j)];
    }
    for (Index j = 0; j < n; ++j) row[j] /= o.r[at(pivot * n + pivot)];
    for (Index j = 0; j < n; ++j)
      whitening.ill_conditioned = whitening.ill_conditioned || std::abs(row[j]) > 1e5 * whitening.weight[at(j)];
  }
}

// Robust scales of the columns: the median of the non-zero deviations. Returns whether some row exceeds the scale of a
// column by more than 1e10.
bool scale_by_median(const Table& table, const Indices& sample, Whitening& whitening) {
  std::vector<Vec> sizes(at(table.features));
  Vec x(at(table.columns + 1));
  for (const Index i : sample) {
    table.row(i, x.data());
    for (Index j = 0; j < table.features; ++j)
      if (x[at(j)] != 0) sizes[at(j)].push_back(std::abs(x[at(j)]));
  }
  double largest = 0;
  for (Index j = 0; j < table.features; ++j) {
    const Vec& size = sizes[at(j)];
    if (size.empty()) continue;
    whitening.weight[at(j)] = 1 / binade(median(size));
    largest = std::max(largest, *std::max_element(size.begin(), size.end()) * whitening.weight[at(j)]);
  }
  return largest > 1e10;
}

// For each dropped column, the row where it violates the linear dependence of the sample most, if any does.
Indices exceptions(const Table& table, const Whitening& whitening, const Orthogonal& o, ExecutionContext context) {
  const Index n = whitening.columns, missing = n - whitening.rank;
  const base::Chunks chunks{table.count, kChunk * kBlock};
  struct Worst {
    double size = 0;
    Index row = -1;
  };
  std::vector<Worst> worst(at(chunks.number() * missing));
  context.for_each_chunk(chunks.number(), table.count * n, [&](Index chunk, int) {
    Vec x(at(n + 1)), z(at(whitening.rank));
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      table.row(i, x.data());
      whitening.apply(x.data(), z.data());
      for (Index d = 0; d < missing; ++d) {
        const Index j = o.order[at(whitening.rank + d)];
        double value = x[at(j)] * whitening.weight[at(j)];
        double terms =
            std::abs(value) + std::abs(whitening.centre[at(j)]) * whitening.weight[at(j)] * (j < table.features);
        for (Index k = 0; k < whitening.rank; ++k) {
          const double term = o.r[at(o.order[at(k)] * n + j)] * z[at(k)];
          value -= term;
          terms += std::abs(term);
        }
        Worst& w = worst[at(chunk * missing + d)];
        if (std::abs(value) > 1e-11 * terms && std::abs(value) > w.size) w = {std::abs(value), i};
      }
    }
  });
  Indices rows;
  for (Index d = 0; d < missing; ++d) {
    Worst all;
    for (Index chunk = 0; chunk < chunks.number(); ++chunk) {
      const Worst& w = worst[at(chunk * missing + d)];
      if (w.size > all.size) all = w;
    }
    if (all.row >= 0) rows.push_back(all.row);
  }
  return rows;
}

// Dropped columns as linear combinations of the others, in scaled columns, from z = A x and the triangle.
std::vector<Dependence> dependences(const Orthogonal& o, const Whitening& whitening) {
  const Index n = whitening.columns;
  std::vector<Dependence> out;
  for (Index d = whitening.rank; d < n; ++d) {
    const Index column = o.order[at(d)];
    Vec parts(at(n));
    for (Index k = 0; k < whitening.rank; ++k)
      for (Index j = 0; j < n; ++j)
        parts[at(j)] += o.r[at(o.order[at(k)] * n + column)] * whitening.A[at(k * n + j)] / whitening.weight[at(j)];
    out.push_back(dependence(column, parts, o.size));
  }
  return out;
}

// Takes a dropped column that is the same numbers as another in all rows for its copy: where columns are nearly
// dependent, the rounding of the triangle hides that no other has a part in it. Returns whether there are any.
bool take_copies(const Table& table, const Orthogonal& o, Index rank, std::vector<Dependence>& columns) {
  const auto same = [&](Index j, Index k) {
    Vec x(at(table.columns + 1));
    Index i = 0;
    for (; i < table.count && (i == 0 || x[at(j)] == x[at(k)]); ++i) table.raw(i, x.data());
    return x[at(j)] == x[at(k)];
  };
  bool any = false;
  for (Dependence& d : columns)
    for (Index k = 0; k < rank; ++k) {
      const Index other = o.order[at(k)];
      if (o.size[at(other)] != o.size[at(d.column)] || !same(d.column, other)) continue;
      d = {d.column, {other}, {1}, {0}};
      any = true;
      break;
    }
  return any;
}

// See make_whitening() and GramSchmidt.
Whitening whitening_of(Table& table, const Indices& largest, double growth, ExecutionContext context) {
  Whitening whitening;
  whitening.columns = table.columns;
  const Index wanted = std::min(table.count, std::max<Index>(512, 8 * whitening.columns));
  Indices sample;
  for (Index k = 0; k < wanted; ++k) sample.push_back(stratified(k, wanted, table.count));
  for (const Index i : largest)
    if (!std::binary_search(sample.begin(), sample.begin() + wanted, i)) sample.push_back(i);
  centre_and_scale(table, sample, whitening);
  table.centre = whitening.centre.data();
  for (;;) {
    context.check_interrupt();
    Orthogonal o = whitening.columns < kManyColumns ? Orthogonal{} : by_products(table, whitening, sample, context);
    if (o.order.empty()) o = GramSchmidt(table, whitening, sample, false, growth).run();
    if (o.rank < whitening.columns) {
      Whitening other = whitening;
      if (scale_by_median(table, sample, other)) {
        Orthogonal by_row = GramSchmidt(table, other, sample, true, growth).run();
        if (by_row.rank > o.rank) o = std::move(by_row), whitening = std::move(other);
      }
    }
    coordinates(o, whitening);
    if (o.rank == whitening.columns) return whitening;
    Indices more = exceptions(table, whitening, o, context);
    std::sort(more.begin(), more.end());
    more.erase(std::unique(more.begin(), more.end()), more.end());
    const std::size_t before = sample.size();
    for (const Index i : more) {
      if (std::find(sample.begin(), sample.end(), i) != sample.end()) continue;
      sample.push_back(i);
      Vec x(at(whitening.columns + 1));
      table.row(i, x.data());
      for (Index j = 0; j < table.features; ++j) {
        if (whitening.constant[at(j)] == 0 || x[at(j)] == 0) continue;
        if (!in_range(std::abs(x[at(j)]))) diagnose(table);
        whitening.weight[at(j)] = 1 / binade(std::abs(x[at(j)]));
      }
    }
    if (sample.size() == before) {
      std::vector<Dependence> columns = dependences(o, whitening);
      whitening.dependence_uncertain =
          !all_depend(table, whitening, columns, context) &&
          !(take_copies(table, o, whitening.rank, columns) && all_depend(table, whitening, columns, context));
      return whitening;
    }
  }
}

}  // namespace

void Whitening::apply(const double* x, double* z) const {
  for (Index k = 0; k < rank; ++k) {
    const double* row = A.data() + k * columns;
    if (ill_conditioned) {
      z[k] = -residual(0, row, x, columns);
    } else {
      z[k] = dot(row, x, columns);
    }
  }
}

Vec Whitening::coefficients(const Vec& phi) const {
  Vec theta(at(columns));
  for (Index k = 0; k < rank; ++k)
    for (Index j = 0; j < columns; ++j) theta[at(j)] += unit * A[at(k * columns + j)] * phi[at(k)];
  return theta;
}

Whitening make_whitening(Table& table, const Indices& largest, ExecutionContext context) {
  // Rounding errors of a column grow with the columns that are eliminated from it.
  const double growth = std::max(1.0, static_cast<double>(table.columns) / 4);
  Whitening whitening = whitening_of(table, largest, growth, context);
  if (growth > 1 && whitening.dependence_uncertain) whitening = whitening_of(table, largest, 1, context);
  return whitening;
}

void diagnose(const Table& table) {
  Vec x(at(table.features));
  for (Index i = 0; i < table.count; ++i) {
    const double y = table.raw(i, x.data());
    for (Index j = 0; j < table.features; ++j)
      require(std::isfinite(x[at(j)]), "X must be finite, got ", Printed{x[at(j)]}, " at row ", i, ", column ", j,
              "; drop or fill it");
    require(std::isfinite(y), "y must be finite, got ", Printed{y}, " at row ", i, "; drop or fill it");
  }
  throw OutOfRange("X and y must have sums and products within the range of a double, got an overflow; rescale them");
}

}  // namespace pyrometer::minimum::absolute
