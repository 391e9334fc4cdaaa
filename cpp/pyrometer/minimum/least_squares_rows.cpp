// GCC 12 warns about its own AVX-512 intrinsics (PR 105593) once Eigen inlines them.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/doubled.hpp"
#include "pyrometer/minimum/least_squares.hpp"
#include "pyrometer/minimum/row_sums.hpp"

namespace pyrometer::minimum {
namespace {

using Dense = Eigen::MatrixXd;
using Column = Eigen::VectorXd;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

double square(double x) { return x * x; }

// How rows fall into blocks of one QR, and blocks into chunks of one thread's work. Depends on the shape alone.
struct Split {
  Index block;
  base::Chunks chunks;
};

Split split(const Shape& shape) {
  const Index n = shape.columns() + 1;
  const Index block = std::max({Index{64}, 2 * n, 8192 / n});
  const Index blocks = std::clamp<Index>(100'000'000 / (block * n * n), 1, 16);
  return {block, {shape.rows, block * blocks}};
}

// Leaves the triangle of a QR of the first `rows` rows in the first rows of `work`, zeros below.
Index reduce(Dense& work, Index rows) {
  const Index n = work.cols();
  if (rows <= 1) return rows;
  Eigen::Ref<Dense> part = work.topRows(rows);
  const Eigen::HouseholderQR<Eigen::Ref<Dense>> qr(part);
  const Index left = std::min(rows, n);
  for (Index j = 0; j < n; ++j)
    for (Index i = j + 1; i < left; ++i) work(i, j) = 0;
  return left;
}

// The triangle of rows [begin, end) of (design, y).
template <class T>
Dense triangle(const Shape& shape, const Rows<T>& data, Index begin, Index end, Index block) {
  const Index p = shape.features, n = shape.columns() + 1;
  Dense work(n + block, n);
  Index held = 0;
  for (Index first = begin; first < end; first += block) {
    const Index count = std::min(block, end - first);
    for (Index i = 0; i < count; ++i) {
      const T* x = data.X + (first + i) * p;
      for (Index j = 0; j < p; ++j)
        work(held + i, j) = shape.centred ? static_cast<double>(x[j]) - data.mean[j] : static_cast<double>(x[j]);
      if (shape.constant) work(held + i, p) = 1;
      const auto target = static_cast<double>(data.y[first + i]);
      work(held + i, n - 1) = shape.centred ? target - data.mean[p] : target;
    }
    held = reduce(work, held + count);
  }
  return work.topRows(held);
}

Dense merged(const std::vector<Dense>& triangles) {
  const Index n = triangles.front().cols();
  Dense work(2 * n, n);
  Index held = 0;
  for (const Dense& next : triangles) {
    work.middleRows(held, next.rows()) = next;
    held = reduce(work, held + next.rows());
  }
  return work.topRows(held);
}

// H = R'R of m times the energy's quadratic form, columns in units of their raw length and in order of their pivots.
struct Orthogonal {
  Dense triangle;  // rank x rank
  Column target;   // rank
  Column length;   // of each column as it is in the data, before centring
  std::vector<Index> order;
  Index rank = 0;
};

Orthogonal factor(const Shape& shape, const Dense& rows, const double* mean) {
  const Index n = shape.columns();
  const double m = static_cast<double>(shape.rows);
  Dense work = Dense::Zero(rows.rows() + (shape.l2 > 0 ? n : 0), n + 1);
  work.topRows(rows.rows()) = rows;
  if (shape.l2 > 0) work.block(rows.rows(), 0, n, n).diagonal().setConstant(std::sqrt(m * shape.l2));

  Orthogonal result;
  result.length.resize(n);
  for (Index j = 0; j < n; ++j) {
    const double centre = shape.centred ? std::sqrt(m) * mean[j] : 0;
    result.length(j) = std::hypot(work.col(j).stableNorm(), centre);
    if (result.length(j) > 0) work.col(j) /= result.length(j);
  }
  const Eigen::ColPivHouseholderQR<Dense> qr(work.leftCols(n));
  const Dense& packed = qr.matrixQR();
  const Index most = std::min(n, work.rows());
  const double width = std::sqrt(static_cast<double>(n));
  result.order.resize(static_cast<std::size_t>(n));
  for (Index k = 0; k < n; ++k) result.order[static_cast<std::size_t>(k)] = qr.colsPermutation().indices()(k);

  // What is left of a column is noise if it is below the rounding of the column and of those that it is made of.
  for (result.rank = 0; result.rank < most; ++result.rank) {
    const Index k = result.rank;
    const double left = std::abs(packed(k, k));
    double made = 1;
    if (left < 1e-6 && k > 0)
      made +=
          packed.topLeftCorner(k, k).triangularView<Eigen::Upper>().solve(packed.col(k).head(k)).template lpNorm<1>();
    if (left <= kEpsilon * (4 + width) * made) break;
  }
  const Index r = result.rank;
  result.triangle = packed.topLeftCorner(r, r).triangularView<Eigen::Upper>();
  if (work.rows() > 0) {
    Column target = work.col(n);
    target.applyOnTheLeft(qr.householderQ().adjoint());
    result.target = target.head(r);
  }
  return result;
}

// 2-norm condition number of the columns of R scaled to length 1, by powers of R'R and of its inverse.
double condition_of(const Dense& triangle) {
  const Dense scaled = triangle.colwise().normalized();
  const auto upper = scaled.triangularView<Eigen::Upper>();
  const auto lower = scaled.transpose().triangularView<Eigen::Lower>();
  Column large = Column::Ones(scaled.cols()), small = large;
  for (Index k = 1; k < small.size(); k += 2) small(k) = -1;
  double most = 1, least = 1;
  for (int step = 0; step < 8; ++step) {
    large = upper * large.normalized();
    most = std::max(most, large.squaredNorm());
    large = lower * large;
    small = lower.solve(small.normalized());
    least = std::max(least, small.squaredNorm());
    small = upper.solve(small);
  }
  return std::sqrt(most * least);
}

// The energy at given parameters, how far above the minimum it is, and the step towards it.
struct State {
  double energy = 0;
  double gap = 0;
  std::vector<double> step;
};

State judge(const Shape& shape, const Orthogonal& f, const double* mean, const double* theta, const Sums& sums) {
  const Index p = shape.features, n = shape.columns(), r = f.rank;
  const double m = static_cast<double>(shape.rows);
  Doubled energy = sums.squares;
  for (Index j = 0; j < n && shape.l2 > 0; ++j) {
    const double product = theta[j] * theta[j];
    energy.add_product(m * shape.l2, product);
    energy.add_product(m * shape.l2, product_error(theta[j], theta[j], product));
  }
  // Half the negative gradient, without the free intercept's share of it.
  Column z(r), scaled(r);
  for (Index k = 0; k < r; ++k) {
    const Index j = f.order[static_cast<std::size_t>(k)];
    Doubled g = j < p ? sums.gradient[static_cast<std::size_t>(j)] : sums.total;
    if (shape.centred) {
      g.add_product(-mean[j], sums.total.hi);
      g.lo -= mean[j] * sums.total.lo;
    }
    if (shape.l2 > 0) g.add_product(-m * shape.l2, theta[j]);
    z(k) = g.value() / f.length(j);
  }
  f.triangle.transpose().template triangularView<Eigen::Lower>().solveInPlace(z);
  scaled = z;
  f.triangle.template triangularView<Eigen::Upper>().solveInPlace(scaled);

  State state;
  state.energy = std::max(energy.value() / m, 0.0);
  const double total = shape.centred ? sums.total.value() / m : 0;
  state.gap = z.squaredNorm() / m + square(total);
  state.step.assign(static_cast<std::size_t>(shape.parameters()), 0.0);
  double shift = total;
  for (Index k = 0; k < r; ++k) {
    const Index j = f.order[static_cast<std::size_t>(k)];
    const double step = scaled(k) / f.length(j);
    state.step[static_cast<std::size_t>(j)] = step;
    if (shape.centred) shift -= mean[j] * step;
  }
  if (shape.centred) state.step[static_cast<std::size_t>(p)] = shift;
  return state;
}

template <class T>
void require_finite(const Shape& shape, const Rows<T>& data, Index system) {
  double finite = 0;
  for (Index i = 0; i < shape.rows * shape.features; ++i) finite += 0 * static_cast<double>(data.X[i]);
  for (Index i = 0; i < shape.rows; ++i) finite += 0 * static_cast<double>(data.y[i]);
  for (Index j = 0; j <= shape.features; ++j) finite += 0 * data.mean[j];
  require(finite == 0, "rows must be finite, got nan or infinity in system ", system);
}

}  // namespace

template <class T>
void least_squares_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, bool intercept,
                        const Penalty& l2, int threads, const Minima& out) {
  require(std::isfinite(l2.weight) && l2.weight >= 0, "l2 must be finite and >= 0, got ", l2.weight);
  require(systems >= 0 && (systems == 0 ? X.rows == 0 : X.rows % systems == 0 && X.rows >= systems),
          "X must have at least one row for each of ", systems, " systems, got ", X.rows);
  if (systems == 0) return;
  const bool constant = intercept && l2.on_intercept && l2.weight > 0;
  const Shape shape{X.rows / systems, X.cols, intercept && !constant, constant, l2.weight};
  const Split parts = split(shape);
  const Index pieces = parts.chunks.number();
  const Index p = shape.features, n = shape.parameters();

  // A group of systems at a time, so that the triangles of a large stack are not all held at once.
  const Index group = std::clamp<Index>(4096 / pieces, 1, systems);
  for (Index first = 0; first < systems; first += group) {
    const Index here = std::min(group, systems - first);
    const auto rows_of = [&](Index k) {
      const Index system = first + k;
      return Rows<T>{X.data + system * shape.rows * p, y + system * shape.rows, mean + system * (p + 1)};
    };
    const auto parameters_of = [&](Index k) { return out.parameters.data() + (first + k) * n; };
    const auto each = [&](const auto& body) {
      base::for_each_chunk(here * pieces, threads, [&](Index job, int) {
        const Index piece = job % pieces;
        body(job / pieces, piece, parts.chunks.begin(piece), parts.chunks.end(piece));
      });
    };
    std::vector<std::vector<Dense>> triangles(static_cast<std::size_t>(here));
    for (auto& list : triangles) list.resize(static_cast<std::size_t>(pieces));
    each([&](Index k, Index piece, Index begin, Index end) {
      if (piece == 0) require_finite(shape, rows_of(k), first + k);
      triangles[static_cast<std::size_t>(k)][static_cast<std::size_t>(piece)] =
          triangle(shape, rows_of(k), begin, end, parts.block);
    });

    std::vector<Orthogonal> factors(static_cast<std::size_t>(here));
    base::for_each_chunk(here, threads, [&](Index k, int) {
      const auto at = static_cast<std::size_t>(k);
      const double* centre = mean + (first + k) * (p + 1);
      factors[at] = factor(shape, merged(triangles[at]), centre);
      triangles[at].clear();
      const Orthogonal& f = factors[at];
      double* theta = parameters_of(k);
      std::fill(theta, theta + n, 0.0);
      if (f.rank > 0) {
        const Column solution = f.triangle.triangularView<Eigen::Upper>().solve(f.target);
        for (Index i = 0; i < f.rank; ++i) {
          const Index j = f.order[static_cast<std::size_t>(i)];
          theta[j] = solution(i) / f.length(j);
        }
      }
      if (shape.centred) theta[p] = residual(centre[p], centre, theta, p);
    });

    // Newton's steps with the residuals of the rows themselves. The first state is that of the solution above; a step
    // that does not halve the gap has met the rounding of the parameters, and the better of the two is kept.
    constexpr int kSteps = 4;
    std::vector<State> best(static_cast<std::size_t>(here));
    std::vector<std::vector<double>> trial(static_cast<std::size_t>(here));
    std::vector<Index> active;
    for (Index k = 0; k < here; ++k) {
      active.push_back(k);
      trial[static_cast<std::size_t>(k)].assign(parameters_of(k), parameters_of(k) + n);
    }
    for (int step = 0; step <= kSteps && !active.empty(); ++step) {
      std::vector<Sums> sums(active.size() * static_cast<std::size_t>(pieces));
      base::for_each_chunk(static_cast<Index>(sums.size()), threads, [&](Index job, int) {
        const Index k = active[static_cast<std::size_t>(job / pieces)], piece = job % pieces;
        sums[static_cast<std::size_t>(job)] = sums_over(shape, rows_of(k), trial[static_cast<std::size_t>(k)].data(),
                                                        parts.chunks.begin(piece), parts.chunks.end(piece));
      });
      std::vector<Index> going;
      for (std::size_t a = 0; a < active.size(); ++a) {
        const Index k = active[a];
        const auto at = static_cast<std::size_t>(k);
        Sums all = sums[a * static_cast<std::size_t>(pieces)];
        for (std::size_t piece = 1; piece < static_cast<std::size_t>(pieces); ++piece)
          all.add(sums[a * static_cast<std::size_t>(pieces) + piece]);
        State state = judge(shape, factors[at], mean + (first + k) * (p + 1), trial[at].data(), all);
        const bool better = step == 0 || state.gap < best[at].gap;
        const bool halved = step == 0 || state.gap < 0.5 * best[at].gap;
        if (better) {
          best[at] = std::move(state);
          std::copy(trial[at].begin(), trial[at].end(), parameters_of(k));
        }
        if (!halved || best[at].gap <= 1e-20 * best[at].energy || step == kSteps) continue;
        for (std::size_t j = 0; j < trial[at].size(); ++j) trial[at][j] += best[at].step[j];
        going.push_back(k);
      }
      active = std::move(going);
    }

    for (Index k = 0; k < here; ++k) {
      const auto at = static_cast<std::size_t>(k), slot = static_cast<std::size_t>(first + k);
      const Orthogonal& f = factors[at];
      const State& state = best[at];
      // The triangle solves in working precision, and the gradient is rounded once.
      const double known = f.rank > 0 ? condition_of(f.triangle) : 1;
      const double gap = square(std::sqrt(state.gap) * (1 + 64 * kEpsilon * known) +
                                2 * kEpsilon * std::sqrt(static_cast<double>(n) * state.energy));
      out.value[slot] = state.energy;
      out.gap[slot] = gap;
      const double error = gap + 2 * kEpsilon * state.energy;
      out.relative_error[slot] = error == 0 ? 0 : error / state.energy;
      out.condition[slot] = f.rank < shape.columns() ? std::numeric_limits<double>::infinity() : known;
      out.rank[slot] = f.rank - (shape.constant ? 1 : 0);
    }
  }
}

template void least_squares_rows(BasicMatrix<double>, const double*, Index, const double*, bool, const Penalty&, int,
                                 const Minima&);
template void least_squares_rows(BasicMatrix<float>, const float*, Index, const double*, bool, const Penalty&, int,
                                 const Minima&);

}  // namespace pyrometer::minimum
