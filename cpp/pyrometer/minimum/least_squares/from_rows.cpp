#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/pivoted_qr.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/row_sums.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/least_squares/least_norm.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"

namespace pyrometer::minimum {
namespace {

// The energy at given parameters, how far above the minimum it is, and the step towards it.
struct State {
  double energy = 0;
  double gap = 0;
  bool fits = false;  // all that is summed is 0: exactly, and not only to the least double
  std::vector<double> step;
};

// Adds weight * x^2. The square alone may leave the range of a double where its product with the weight does not.
void add_square(DoubleDouble& sum, double weight, double x) {
  constexpr double kLeast = 1e-280, kMost = 1e280;
  const double product = x * x;
  if (x != 0 && (product < kLeast || product > kMost)) {
    sum.add_product(weight * x, x);
    return;
  }
  sum.add_product(weight, product);
  sum.add_product(weight, product_error(x, x, product));
}

State judge(const Shape& shape, const Pivoted& f, const double* mean, const double* theta, const Sums& sums) {
  const Index p = shape.features, n = shape.columns(), r = f.rank();
  const double m = static_cast<double>(shape.rows);
  DoubleDouble energy = sums.squares;
  for (Index j = 0; j < n && shape.l2 > 0; ++j) add_square(energy, m * shape.l2, theta[j]);
  // Half the negative gradient, without the free intercept's share of it.
  const auto gradient = [&](Index k) {
    const Index j = f.column(k);
    DoubleDouble g = sums.gradient_of(shape, mean, j);
    if (shape.l2 > 0) g.add_product(-m * shape.l2, theta[j]);
    return g.value() / f.length(k);
  };
  std::vector<double> z(at(r));
  for (Index k = 0; k < r; ++k) z[at(k)] = gradient(k);
  f.forward(z.data());
  double zz = 0;
  for (const double value : z) zz += value * value;
  // With a penalty every column has a curvature, at least that of the penalty.
  for (Index k = r; k < n && shape.l2 > 0; ++k)
    zz += square(f.remainder(k, gradient(k), z.data()) * (f.length(k) / std::sqrt(m * shape.l2)));
  f.backward(z.data());

  State state;
  state.energy = std::max(energy.value() / m, 0.0);
  const double total = shape.centred ? sums.total.value() / m : 0;
  state.gap = zz / m + square(total);
  state.fits = sums.squares.hi == 0 && energy.hi == 0 && total == 0 &&
               std::all_of(sums.gradient.begin(), sums.gradient.end(), [](const DoubleDouble& g) { return g.hi == 0; });
  state.step.assign(at(shape.parameters()), 0.0);
  double shift = total;
  for (Index k = 0; k < r; ++k) {
    const Index j = f.column(k);
    const double step = z[at(k)] / f.length(k);
    state.step[at(j)] = step;
    if (shape.centred) shift -= mean[j] * step;
  }
  if (shape.centred) state.step[at(p)] = shift;
  return state;
}

// Minimum-norm parameters: see Dependence.
void shorten(const Shape& shape, const Pivoted& f, const double* mean, bool with_intercept, double* theta) {
  const Index n = shape.columns();
  if (f.rank() == n) return;
  const bool taken_up = shape.centred && with_intercept;
  const auto length = [&](Index k) { return f.length(k); };
  dependence_of(f, n, length, -1, taken_up ? mean : nullptr, taken_up ? n : -1).shorten(theta);
}

// Bounds of the distances of the parameters from those of the minimiser: the gap is at least the squared distance
// divided by the diagonal element of the inverse Hessian.
void bound(const Shape& shape, const Pivoted& f, const double* mean, double gap, double* out) {
  const Index n = shape.columns(), r = f.rank();
  if (shape.l2 > 0) std::fill_n(out, n, std::sqrt(gap) / std::sqrt(shape.l2));
  if (r < n) return;
  const double reach = std::sqrt(gap * static_cast<double>(shape.rows));
  std::vector<double> diagonal(at(n)), whitened(diagonal);
  f.inverse_diagonal(diagonal.data());
  for (Index k = 0; k < n; ++k) {
    double& own = out[f.column(k)];
    own = std::min(own, reach * std::sqrt(at(diagonal, k)) / f.length(k));
    if (shape.centred) at(whitened, k) = mean[f.column(k)] / f.length(k);
  }
  if (!shape.centred) return;
  f.forward(whitened.data());
  out[n] = std::hypot(std::sqrt(gap), reach * std::sqrt(dot(whitened.data(), whitened.data(), 0, n)));
}

// The Cholesky factor of a system's moments, if it is accurate enough for iterative refinement with residuals of the
// rows: a step reduces the error by roundoff * condition^2.
Pivoted of_moments(const Shape& shape, const double* scatter) {
  constexpr double kPoor = 1e5;
  if (scatter == nullptr || !shape.centred) return {};
  Columns triangle = triangle_of_scatter(shape, scatter);
  if (triangle.cols == 0) return {};
  Pivoted factor(shape, std::move(triangle));
  return factor.rank() == shape.columns() && factor.condition() < kPoor ? factor : Pivoted();
}

// A bound of the root mean square change of the residuals by the rounding of the parameters.
double rounded(const Shape& shape, const Pivoted& f, const double* mean, const double* theta) {
  const double root = std::sqrt(static_cast<double>(shape.rows));
  double sum = shape.parameters() > shape.features ? std::abs(theta[shape.features]) : 0;
  for (Index k = 0; k < f.rank(); ++k) {
    const Index j = f.column(k);
    if (j < shape.features) sum += std::abs(theta[j]) * (f.length(k) / root + (shape.centred ? std::abs(mean[j]) : 0));
  }
  return 0.5 * kEpsilon * sum;
}

}  // namespace

template <class T>
void least_squares_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, const double* scatter,
                        bool intercept, const Penalty& l2, int threads, const Minima& out) {
  require(std::isfinite(l2.weight) && l2.weight >= 0, "l2 must be finite and >= 0, got ", l2.weight);
  require(systems >= 0 && (systems == 0 ? X.rows == 0 : X.rows % systems == 0 && X.rows >= systems),
          "X must have at least one row for each of ", systems, " systems, got ", X.rows);
  if (systems == 0) return;
  const bool constant = intercept && l2.on_intercept && l2.weight > 0;
  const Shape shape{X.rows / systems, X.cols, intercept && !constant, constant, l2.weight};
  const Split parts = split(shape);
  const Index pieces = parts.chunks.number();
  const Index p = shape.features, n = shape.parameters();

  // A group of systems at a time, which limits the memory of the triangles.
  const Index group = std::clamp<Index>(4096 / pieces, 1, systems);
  for (Index first = 0; first < systems; first += group) {
    const Index here = std::min(group, systems - first);
    const auto rows_of = [&](Index k) {
      const Index system = first + k;
      return Rows<T>{X.data + system * shape.rows * p, y + system * shape.rows, mean + system * (p + 1)};
    };
    const auto parameters_of = [&](Index k) { return out.parameters.data() + (first + k) * n; };
    std::vector<Pivoted> factors(at(here));
    std::vector<double> worst(factors.size());  // amplification of rounding errors of the factor
    constexpr double kLost = 1e11;              // and of errors of the moments, 1e-3 of the steps
    base::for_each_chunk(here, threads, [&](Index k, int) {
      const auto s = at(k);
      require_finite(shape, rows_of(k), first + k);
      factors[s] = of_moments(shape, scatter ? scatter + (first + k) * (p + 1) * (p + 1) : nullptr);
      worst[s] = square(factors[s].condition()) + kLost;
    });
    std::vector<Index> open;
    for (Index k = 0; k < here; ++k)
      if (factors[at(k)].columns() == 0) open.push_back(k);
    std::vector<std::vector<Columns>> triangles(open.size());
    for (auto& list : triangles) list.resize(at(pieces));
    base::for_each_chunk(static_cast<Index>(open.size()) * pieces, threads, [&](Index job, int) {
      const auto s = at(job / pieces);
      const Index piece = job % pieces;
      triangles[s][at(piece)] =
          triangle_of(shape, rows_of(open[s]), parts.chunks.begin(piece), parts.chunks.end(piece), parts.block);
    });
    base::for_each_chunk(static_cast<Index>(open.size()), threads, [&](Index job, int) {
      const Index k = open[at(job)];
      auto& pieces_of = triangles[at(job)];
      Pivoted& f = factors[at(k)];
      f = Pivoted(shape, merged(pieces_of), mean + (first + k) * (p + 1));
      worst[at(k)] = f.condition();
      pieces_of.clear();
    });

    base::for_each_chunk(here, threads, [&](Index k, int) {
      const auto s = at(k);
      const double* centre = mean + (first + k) * (p + 1);
      const Pivoted& f = factors[s];
      double* theta = parameters_of(k);
      std::fill(theta, theta + n, 0.0);
      const std::vector<double> solution = f.solution();
      for (Index i = 0; i < f.rank(); ++i) theta[f.column(i)] = solution[at(i)] / f.length(i);
      if (shape.centred) theta[p] = residual(centre[p], centre, theta, p);
      shorten(shape, f, centre, l2.on_intercept, theta);
    });

    // Newton's steps with the residuals of the rows themselves. The first state is that of the solution above; if
    // a step does not halve the gap, rounding of the parameters dominates, and the better of the two is kept.
    constexpr int kSteps = 4;
    constexpr double kSettled = 1e-20;
    std::vector<State> best(at(here));
    std::vector<std::vector<double>> trial(at(here));
    std::vector<Index> active;
    for (Index k = 0; k < here; ++k) {
      active.push_back(k);
      trial[at(k)].assign(parameters_of(k), parameters_of(k) + n);
    }
    for (int step = 0; step <= kSteps && !active.empty(); ++step) {
      std::vector<Sums> sums(active.size() * at(pieces));
      base::for_each_chunk(static_cast<Index>(sums.size()), threads, [&](Index job, int) {
        const Index k = active[at(job / pieces)], piece = job % pieces;
        sums[at(job)] =
            sums_over(shape, rows_of(k), trial[at(k)].data(), parts.chunks.begin(piece), parts.chunks.end(piece));
      });
      std::vector<Index> going;
      for (std::size_t a = 0; a < active.size(); ++a) {
        const Index k = active[a];
        const auto s = at(k);
        Sums all = sums[a * at(pieces)];
        for (std::size_t piece = 1; piece < at(pieces); ++piece) all.add(sums[a * at(pieces) + piece]);
        State state = judge(shape, factors[s], mean + (first + k) * (p + 1), trial[s].data(), all);
        const bool better = step == 0 || state.gap < best[s].gap;
        const bool halved = step == 0 || state.gap < 0.5 * best[s].gap;
        if (better) {
          best[s] = std::move(state);
          std::copy(trial[s].begin(), trial[s].end(), parameters_of(k));
        }
        if (!halved || best[s].gap <= kSettled * best[s].energy || step == kSteps) continue;
        for (std::size_t j = 0; j < trial[s].size(); ++j) trial[s][j] += best[s].step[j];
        going.push_back(k);
      }
      active = std::move(going);
    }

    for (Index k = 0; k < here; ++k) {
      const auto own = at(k), slot = at(first + k);
      const Pivoted& f = factors[own];
      const State& state = best[own];
      const double *centre = mean + (first + k) * (p + 1), known = f.condition();
      double* theta = parameters_of(k);
      // A last step, which improves the parameters only.
      double moved = 0;
      if (state.gap > 0 && state.gap <= kSettled * state.energy) {
        for (Index j = 0; j < n; ++j) theta[j] += at(state.step, j);
        moved = rounded(shape, f, centre, theta);
      }
      // The triangle solves in working precision, and the gradient is rounded once.
      const double lost = state.fits ? 0 : Minima::underflow(n);
      const double gap = square(std::sqrt(state.gap) * (1 + 64 * kEpsilon * worst[own]) + moved +
                                2 * kEpsilon * std::sqrt(static_cast<double>(n) * state.energy)) +
                         lost;
      out.value[slot] = state.energy;
      out.gap[slot] = gap;
      const double error = gap + 2 * kEpsilon * state.energy + lost;
      out.relative_error[slot] = error == 0 ? 0 : error / state.energy;
      out.condition[slot] = f.rank() < shape.columns() ? std::numeric_limits<double>::infinity() : known;
      out.rank[slot] = f.rank() - (shape.constant ? 1 : 0);
      bound(shape, f, centre, gap, out.parameter_error.data() + (first + k) * n);
    }
  }
}

template void least_squares_rows(BasicMatrix<double>, const double*, Index, const double*, const double*, bool,
                                 const Penalty&, int, const Minima&);
template void least_squares_rows(BasicMatrix<float>, const float*, Index, const double*, const double*, bool,
                                 const Penalty&, int, const Minima&);

}  // namespace pyrometer::minimum
