#include "pyrometer/minimum/logistic_careful.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/doubled.hpp"
#include "pyrometer/minimum/logistic_newton.hpp"
#include "pyrometer/minimum/logistic_reduce.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

// A separated row at this margin loses e^-40, far below the rounding of any sum that holds ln 2.
constexpr double kFar = 40;
constexpr Index kFirstLooks = 10, kMoreLooks = 4, kMostLooks = 120;
// On columns far from parallel: below this the curvature's own rounding shows.
constexpr double kLeastEigenvalue = 1e-11;

double dot(const double* a, const Numbers& b) {
  double sum = 0;
  for (std::size_t j = 0; j < b.size(); ++j) sum += a[j] * b[j];
  return sum;
}

/// Rows with independent columns, their labels, and what became of the columns they came from.
struct Problem {
  base::AlignedArray<double> rows;
  Numbers labels;
  Index columns = 0;
  Numbers map;  ///< columns of the system x columns

  [[nodiscard]] Index count() const { return static_cast<Index>(labels.size()); }
  [[nodiscard]] const double* row(Index i) const { return rows.get() + i * columns; }
  [[nodiscard]] double sign(Index i) const { return 2 * labels[static_cast<std::size_t>(i)] - 1; }
  [[nodiscard]] data::Rows<double> all() const {
    return {rows.get(), labels.data(), count(), columns, count() * columns};
  }
  /// In the columns of the system.
  [[nodiscard]] Numbers back(const Numbers& theta) const {
    Numbers out(columns ? map.size() / static_cast<std::size_t>(columns) : 0);
    for (std::size_t r = 0; r < out.size(); ++r) out[r] = dot(map.data() + r * theta.size(), theta);
    return out;
  }
};

/// A direction along which no margin falls, and what it does to each row.
struct Recession {
  Numbers direction;
  std::vector<bool> grows;
};

/// Checks a direction on the rows that are `asked`: no margin may fall, and some must grow, beyond the rounding of
/// their own terms or of those of a typical row. The others are known not to move.
std::optional<Recession> check(const Problem& problem, const std::vector<bool>& asked, Numbers direction) {
  Recession found{std::move(direction), std::vector<bool>(problem.labels.size(), false)};
  Numbers margins(problem.labels.size(), 0.0), terms(problem.labels.size(), 0.0);
  for (Index i = 0; i < problem.count(); ++i) {
    const auto ii = static_cast<std::size_t>(i);
    Doubled sum;
    for (Index j = 0; j < problem.columns; ++j) {
      const double x = problem.row(i)[j], d = found.direction[static_cast<std::size_t>(j)];
      sum.add_product(x, d);
      terms[ii] += std::abs(x * d);
    }
    if (asked[ii]) margins[ii] = problem.sign(i) * sum.value();
  }
  const double typical = root_mean_square(terms);
  const double allowed = 16 * static_cast<double>(problem.columns + 1) * kUnit;
  bool any = false;
  for (std::size_t i = 0; i < margins.size(); ++i) {
    const double rounding = allowed * std::max(terms[i], typical);
    if (margins[i] < -rounding) return std::nullopt;
    if (margins[i] > rounding) any = found.grows[i] = true;
  }
  if (!any) return std::nullopt;
  return found;
}

/// The rows where `chosen` is `value`.
Problem choose(const Problem& problem, const std::vector<bool>& chosen, bool value) {
  Problem out;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    if (chosen[i] == value) out.labels.push_back(problem.labels[i]);
  out.columns = problem.columns;
  out.rows = base::aligned_array<double>(std::max<Index>(1, out.count() * out.columns));
  double* to = out.rows.get();
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] != value) continue;
    const double* from = problem.row(static_cast<Index>(i));
    to = std::copy(from, from + problem.columns, to);
  }
  return out;
}

/// An orthonormal basis of the span of `vectors`.
std::vector<Numbers> orthonormal(std::vector<Numbers> vectors) {
  for (std::size_t a = 0; a < vectors.size(); ++a) {
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t b = 0; b < a; ++b) {
        const double part = dot(vectors[a].data(), vectors[b]);
        for (std::size_t j = 0; j < vectors[a].size(); ++j) vectors[a][j] -= part * vectors[b][j];
      }
      const double length = std::sqrt(dot(vectors[a].data(), vectors[a]));
      for (double& x : vectors[a]) x /= length;
    }
  }
  return vectors;
}

Numbers combine(const std::vector<Numbers>& vectors, const Numbers& parts, std::size_t size) {
  Numbers out(size, 0.0);
  for (std::size_t k = 0; k < vectors.size(); ++k)
    for (std::size_t j = 0; j < size; ++j) out[j] += parts[k] * vectors[k][j];
  return out;
}

Run settle(const Problem& problem, Numbers theta, Index looks, int threads) {
  const Numbers no_shift(static_cast<std::size_t>(problem.columns), 0.0);
  SweepOf<double> sweep(problem.all(), false, no_shift.data(), threads);
  return newton(sweep, std::move(theta), Goal{looks, kLeastEigenvalue, false});
}

/// A recession direction from a run that did not settle, or none yet.
std::optional<Recession> recession(const Problem& problem, const Run& run, double margin, int threads) {
  // Rows that the last step still pushes outwards by about one: what Newton's method does to a falling exponential.
  std::vector<bool> growing(problem.labels.size());
  bool any = false, all = true;
  for (Index i = 0; i < problem.count(); ++i) {
    const bool grows = problem.sign(i) * dot(problem.row(i), run.theta) > margin &&
                       problem.sign(i) * dot(problem.row(i), run.step) > 0.25;
    growing[static_cast<std::size_t>(i)] = grows;
    any = any || grows;
    all = all && grows;
  }
  if (!any || all) return std::nullopt;
  const Problem rest = choose(problem, growing, false);
  const Basis basis = reduce(Matrix{rest.rows.get(), rest.count(), rest.columns}, false, threads);
  if (basis.null.empty()) return std::nullopt;
  const auto free = orthonormal(basis.null);
  Numbers parts(free.size());
  for (std::size_t k = 0; k < free.size(); ++k) parts[k] = dot(free[k].data(), run.step);
  if (auto found = check(problem, growing, combine(free, parts, run.step.size()))) return found;

  // The projected step pushes some of them back: look for a direction that separates them all.
  Problem grown = choose(problem, growing, true);
  Problem within;
  within.labels = grown.labels;
  within.columns = static_cast<Index>(free.size());
  within.rows = base::aligned_array<double>(within.count() * within.columns);
  for (Index i = 0; i < grown.count(); ++i)
    for (std::size_t k = 0; k < free.size(); ++k)
      within.rows[static_cast<std::size_t>(i) * free.size() + k] = dot(grown.row(i), free[k]);
  const Run inner = settle(within, Numbers(free.size(), 0.0), 40, threads);
  if (inner.ending != Ending::separated) return std::nullopt;
  return check(problem, growing, combine(free, inner.theta, run.step.size()));
}

/// Rows that were taken out, and the direction that separates them, in the columns of the system.
struct Separated {
  Numbers direction;
  std::vector<Index> rows;
};

double margin_of(const data::Rows<double>& rows, Index i, bool intercept, const Numbers& theta) {
  Doubled sum{intercept ? theta.back() : 0.0, 0};
  const double* x = rows.X + i * rows.features;
  for (Index j = 0; j < rows.features; ++j) sum.add_product(x[j], theta[static_cast<std::size_t>(j)]);
  return (2 * rows.y[i] - 1) * sum.value();
}

}  // namespace

double loss_at(const data::Rows<double>& rows, bool intercept, const std::vector<double>& theta, int threads) {
  const base::Chunks chunks{rows.rows, 4096};
  Numbers sums(static_cast<std::size_t>(chunks.number()), 0.0);
  base::for_each_chunk(chunks.number(), threads, [&](Index k, int) {
    Doubled sum;
    for (Index i = chunks.begin(k); i < chunks.end(k); ++i) {
      const double z = margin_of(rows, i, intercept, theta);
      sum.add(std::log1p(std::exp(-std::abs(z))));
      sum.add(std::max(-z, 0.0));
    }
    sums[static_cast<std::size_t>(k)] = sum.value();
  });
  Doubled sum;
  for (const double part : sums) sum.add(part);
  return sum.value();
}

Lowest lowest(const data::Rows<double>& rows, bool intercept, int threads) {
  Lowest out;
  Problem problem;
  std::vector<Index> names(static_cast<std::size_t>(rows.rows));
  for (Index i = 0; i < rows.rows; ++i) names[static_cast<std::size_t>(i)] = i;
  {
    Basis basis = reduce(Matrix{rows.X, rows.rows, rows.features}, intercept, threads);
    problem = {std::move(basis.rows), Numbers(rows.y, rows.y + rows.rows), basis.rank, std::move(basis.map)};
    out.rank = basis.rank - (intercept ? 1 : 0);
  }

  std::vector<Separated> separated;
  Numbers theta(static_cast<std::size_t>(problem.columns), 0.0);
  double margin = 2;  // what a row needs to be taken for separated
  const auto n = static_cast<std::size_t>(rows.features + (intercept ? 1 : 0));
  const auto take_out = [&](const Recession& found) {
    Separated part{problem.back(found.direction), {}};
    std::vector<Index> left;
    for (std::size_t i = 0; i < names.size(); ++i) (found.grows[i] ? part.rows : left).push_back(names[i]);
    names = std::move(left);
    separated.push_back(std::move(part));
    const Problem rest = choose(problem, found.grows, false);
    Basis basis = reduce(Matrix{rest.rows.get(), rest.count(), rest.columns}, false, threads);
    Numbers map(n * static_cast<std::size_t>(basis.rank), 0.0);
    for (std::size_t r = 0; r < n; ++r)
      for (Index q = 0; q < problem.columns; ++q)
        for (std::size_t j = 0; j < static_cast<std::size_t>(basis.rank); ++j)
          map[r * static_cast<std::size_t>(basis.rank) + j] +=
              problem.map[r * static_cast<std::size_t>(problem.columns) + static_cast<std::size_t>(q)] *
              basis.map[static_cast<std::size_t>(q * basis.rank) + j];
    problem = {std::move(basis.rows), rest.labels, basis.rank, std::move(map)};
    theta.assign(static_cast<std::size_t>(problem.columns), 0.0);
    margin = 2;
  };

  Index allowance = kFirstLooks;
  bool certain = true;
  double loss = 0;
  for (;;) {
    if (problem.count() == 0) {
      theta.assign(static_cast<std::size_t>(problem.columns), 0.0);
      break;
    }
    if (problem.columns == 0) {
      out.value = static_cast<double>(problem.count()) * std::log(2.0);
      break;
    }
    Run run = settle(problem, theta, allowance, threads);
    out.looks += run.looks;
    theta = run.theta;
    if (run.ending == Ending::converged) {
      out.value = run.loss;
      out.gap = run.excess + run.rounding;
      break;
    }
    if (run.ending == Ending::separated) {
      if (const auto found = check(problem, std::vector<bool>(problem.labels.size(), true), theta)) {
        take_out(*found);
        continue;
      }
    }
    if (const auto found = recession(problem, run, margin, threads)) {
      take_out(*found);
      allowance = kFirstLooks;
      continue;
    }
    // The loss no longer falls, yet the bound does not close: rows of very different sizes can do that.
    const bool stuck = allowance == kMoreLooks && run.loss >= loss * (1 - 1e-14);
    loss = run.loss;
    if (out.looks >= kMostLooks || run.looks < allowance || stuck) {
      // Out of ideas: the loss is an upper bound, and 0 a lower one.
      out.value = out.gap = run.loss;
      certain = false;
      break;
    }
    allowance = kMoreLooks;
    margin = std::min(margin + 2, 12.0);
  }

  out.attained = separated.empty();
  out.parameters = problem.columns ? problem.back(theta) : Numbers(n, 0.0);
  // The last direction first: an earlier one may then make up for what a later one does to its rows.
  for (auto part = separated.rbegin(); part != separated.rend(); ++part) {
    double length = 0;
    for (const Index i : part->rows) {
      const double wanted = kFar - margin_of(rows, i, intercept, out.parameters);
      length = std::max(length, wanted / margin_of(rows, i, intercept, part->direction));
    }
    for (std::size_t j = 0; j < n; ++j) out.parameters[j] += length * part->direction[j];
  }
  const double reached = loss_at(rows, intercept, out.parameters, threads);
  if (certain) out.gap += std::max(0.0, reached - out.value) + 1000 * kUnit * reached;
  return out;
}

}  // namespace pyrometer::minimum
