#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/row_sums.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/least_squares/least_norm.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"
#include "pyrometer/minimum/least_squares/refinement.hpp"

namespace pyrometer::minimum {
namespace {

// Where a gap is below this share of the energy, steps improve the parameters only.
constexpr double kSettled = 1e-20;

// What all systems have in common.
template <class T>
struct Stack {
  Shape shape;
  Split parts;
  const T* X;
  const T* y;
  const double* mean;
  const double* scatter;
  bool on_intercept;
  int threads;
  Minima out;
  const double* weights;

  [[nodiscard]] Rows<T> rows(Index system) const {
    const Index p = shape.features;
    return {X + system * shape.rows * p, y + system * shape.rows, mean_of(system),
            weights ? weights + system * shape.rows : nullptr};
  }
  [[nodiscard]] const double* mean_of(Index system) const { return mean + system * (shape.features + 1); }
  [[nodiscard]] const double* scatter_of(Index system) const {
    return scatter ? scatter + system * (shape.features + 1) * (shape.features + 1) : nullptr;
  }
};

// Systems first .. first + count - 1.
template <class T>
class Group {
 public:
  Group(const Stack<T>& stack, Index first, Index count)
      : stack_(stack), first_(first), count_(count), systems_(at(count)) {}

  void factor_moments();
  void factor_rows();
  void solve();
  void refine();
  void solve_equal();
  void write();

 private:
  struct System {
    Pivoted factor;
    double worst = 0;  // amplification of rounding errors of the factor
    std::vector<Index> equal;
    bool shared = false;  // the parameters of equal columns, without rounding of their dependence
    std::vector<double> trial;
    RowState best;
  };

  [[nodiscard]] double* parameters_of(Index k) const {
    return stack_.out.parameters.data() + (first_ + k) * stack_.shape.parameters();
  }
  [[nodiscard]] const double* mean_of(Index k) const { return stack_.mean_of(first_ + k); }
  template <class Function>
  void for_each(Index count, Function&& function) const {
    base::for_each_chunk(count, stack_.threads, [&](Index k, int) { function(k); });
  }
  // Of each of so many jobs of for_each().
  [[nodiscard]] int inner(Index jobs) const { return jobs == 1 ? stack_.threads : 1; }
  [[nodiscard]] std::vector<Sums> sums_of(const std::vector<Index>& active) const;
  void solve(Index k);
  void shorten(Index k, double* theta) const;
  void refine(std::vector<Index> active);
  bool improve(Index k, const Sums& sums, bool first_step);

  const Stack<T>& stack_;
  Index first_, count_;
  std::vector<System> systems_;
};

template <class T>
void Group<T>::factor_moments() {
  constexpr double kLost = 1e11;  // amplification of errors of the moments, 1e-3 of the steps
  for_each(count_, [&](Index k) {
    require_finite(stack_.shape, stack_.rows(first_ + k), first_ + k);
    System& system = systems_[at(k)];
    system.factor = factor_of_moments(stack_.shape, stack_.scatter_of(first_ + k));
    system.worst = square(system.factor.condition()) + kLost;
  });
}

// Of those systems whose moments are not accurate enough.
template <class T>
void Group<T>::factor_rows() {
  const base::Chunks& chunks = stack_.parts.chunks;
  const Index pieces = chunks.number();
  std::vector<Index> open;
  for (Index k = 0; k < count_; ++k)
    if (systems_[at(k)].factor.columns() == 0) open.push_back(k);
  const auto size = static_cast<Index>(open.size());
  std::vector<std::vector<Columns>> triangles(open.size());
  for (auto& list : triangles) list.resize(at(pieces));
  for_each(size * pieces, [&](Index job) {
    const Index i = job / pieces, piece = job % pieces;
    triangles[at(i)][at(piece)] = triangle_of(stack_.shape, stack_.rows(first_ + open[at(i)]), chunks.begin(piece),
                                              chunks.end(piece), stack_.parts.block, inner(size * pieces));
  });
  for_each(size, [&](Index i) {
    const Index k = open[at(i)];
    System& system = systems_[at(k)];
    system.factor = Pivoted(stack_.shape, merged(triangles[at(i)], inner(size)), mean_of(k));
    system.worst = system.factor.condition();
    system.equal = equal_columns(stack_.shape, stack_.rows(first_ + k).X, system.factor);
    triangles[at(i)].clear();
  });
}

template <class T>
void Group<T>::shorten(Index k, double* theta) const {
  const System& system = systems_[at(k)];
  if (system.shared)
    share(system.factor, system.equal, theta);
  else
    minimum::shorten(stack_.shape, system.factor, mean_of(k), stack_.on_intercept, theta);
}

template <class T>
void Group<T>::solve(Index k) {
  const Shape& shape = stack_.shape;
  const Pivoted& f = systems_[at(k)].factor;
  const double* mean = mean_of(k);
  double* theta = parameters_of(k);
  std::fill_n(theta, shape.parameters(), 0.0);
  const std::vector<double> solution = f.solution();
  for (Index i = 0; i < f.rank(); ++i) theta[f.column(i)] = solution[at(i)] / f.length(i);
  if (shape.centred) theta[shape.features] = residual(mean[shape.features], mean, theta, shape.features);
  shorten(k, theta);
}

template <class T>
void Group<T>::solve() {
  for_each(count_, [&](Index k) { solve(k); });
}

// Of the trial parameters of these systems.
template <class T>
std::vector<Sums> Group<T>::sums_of(const std::vector<Index>& active) const {
  const base::Chunks& chunks = stack_.parts.chunks;
  const Index pieces = chunks.number();
  std::vector<Sums> parts(active.size() * at(pieces)), sums;
  for_each(static_cast<Index>(parts.size()), [&](Index job) {
    const Index k = active[at(job / pieces)], piece = job % pieces;
    parts[at(job)] = sums_over(stack_.shape, stack_.rows(first_ + k), systems_[at(k)].trial.data(), chunks.begin(piece),
                               chunks.end(piece));
  });
  for (Index i = 0; i < static_cast<Index>(active.size()); ++i) {
    sums.push_back(std::move(parts[at(i * pieces)]));
    for (Index piece = 1; piece < pieces; ++piece) sums.back().add(parts[at(i * pieces + piece)]);
  }
  return sums;
}

// Takes the trial parameters if they are better than the best. Returns whether another step is worthwhile: if this one
// did not halve the gap, rounding of the parameters dominates.
template <class T>
bool Group<T>::improve(Index k, const Sums& sums, bool first_step) {
  System& system = systems_[at(k)];
  RowState state = judge(stack_.shape, system.factor, mean_of(k), system.trial.data(), sums, system.equal);
  const bool halved = first_step || state.gap < 0.5 * system.best.gap;
  if (first_step || state.gap < system.best.gap) {
    system.best = std::move(state);
    std::copy(system.trial.begin(), system.trial.end(), parameters_of(k));
  }
  return halved && !(system.best.gap <= kSettled * system.best.energy);
}

template <class T>
void Group<T>::refine() {
  std::vector<Index> all(at(count_));
  std::iota(all.begin(), all.end(), Index{0});
  refine(std::move(all));
}

// Newton's steps with the residuals of the rows themselves. The first state is that of the solution.
template <class T>
void Group<T>::refine(std::vector<Index> active) {
  constexpr int kSteps = 4;
  for (const Index k : active)
    systems_[at(k)].trial.assign(parameters_of(k), parameters_of(k) + stack_.shape.parameters());
  for (int step = 0; step <= kSteps && !active.empty(); ++step) {
    const std::vector<Sums> sums = sums_of(active);
    std::vector<Index> going;
    for (std::size_t i = 0; i < active.size(); ++i) {
      if (!improve(active[i], sums[i], step == 0)) continue;
      System& system = systems_[at(active[i])];
      for (std::size_t j = 0; j < system.trial.size(); ++j) system.trial[j] += system.best.step[j];
      if (is_apart(parameters_of(active[i]), system.trial.data(), stack_.shape.columns()))
        shorten(active[i], system.trial.data());
      going.push_back(active[i]);
    }
    active = std::move(going);
  }
}

// Where few digits are left and all dependent columns are equal to others, solves again with their shares.
template <class T>
void Group<T>::solve_equal() {
  constexpr double kPoor = 1e-8;
  for (Index k = 0; k < count_; ++k) {
    System& system = systems_[at(k)];
    const std::vector<Index>& equal = system.equal;
    if (equal.empty() || *std::min_element(equal.begin(), equal.end()) < 0) continue;
    if (!(system.best.gap > kPoor * system.best.energy)) continue;
    const RowState before = system.best;
    const std::vector<double> theta(parameters_of(k), parameters_of(k) + stack_.shape.parameters());
    system.shared = true;
    solve(k);
    refine({k});
    if (system.best.gap < before.gap) continue;
    system.best = before;
    std::copy(theta.begin(), theta.end(), parameters_of(k));
  }
}

template <class T>
void Group<T>::write() {
  const Shape& shape = stack_.shape;
  const Index n = shape.parameters();
  for_each(count_, [&](Index k) {
    const Minima out = stack_.out.one(first_ + k, n);
    const auto& [f, worst, equal, shared, trial, state] = systems_[at(k)];
    double* theta = out.parameters.data();
    std::vector<double> diagonal(at(f.rank()));
    f.inverse_diagonal(diagonal.data(), inner(count_));
    const double off = error_of_means(shape, diagonal);
    // A last step, which improves the parameters only. Where no bound is known but the energy, it stays that of theirs.
    double moved = kSums * rounding_of_parameters(shape, f, mean_of(k), theta);
    if (off < 1 && state.gap > 0 && state.gap <= kSettled * state.energy) {
      for (Index j = 0; j < n; ++j) theta[j] += at(state.step, j);
      moved += rounding_of_parameters(shape, f, mean_of(k), theta);
    }
    // The triangle solves in working precision, and the gradient is rounded once.
    const double lost = state.fits ? 0 : Minima::underflow(n);
    const double above = square(std::sqrt(state.gap) * (1 + 64 * kEpsilon * worst) + moved +
                                2 * kEpsilon * std::sqrt(static_cast<double>(n) * state.energy));
    // No energy is negative: where the bound is not below this one, that of theta is all there is.
    const double most = square(std::sqrt(state.energy) + moved) * (1 + 4 * kEpsilon);
    const double bound = above * ((1 + off) / (1 - off)) + state.hidden;
    const double gap = (off < 1 && bound < state.energy ? bound : most) + lost;
    const double error = gap + 2 * kEpsilon * state.energy + lost;
    out.value[0] = state.energy;
    out.gap[0] = gap;
    out.relative_error[0] = error == 0 ? 0 : error / state.energy;
    out.condition[0] = f.rank() < shape.columns() ? std::numeric_limits<double>::infinity() : f.condition();
    out.rank[0] = f.rank() - (shape.constant ? 1 : 0);
    bound_parameters(shape, f, mean_of(k), diagonal, off, gap, out.parameter_error.data());
  });
}

}  // namespace

template <class T>
void least_squares_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, const double* scatter,
                        bool intercept, const Penalty& l2, int threads, const Minima& out, const double* weights) {
  require(std::isfinite(l2.weight) && l2.weight >= 0, "l2 must be finite and >= 0, got ", l2.weight);
  require(systems >= 0 && (systems == 0 ? X.rows == 0 : X.rows % systems == 0 && X.rows >= systems),
          "X must have at least one row for each of ", systems, " systems, got ", X.rows);
  if (systems == 0) return;
  const bool constant = intercept && l2.on_intercept && l2.weight > 0;
  const Shape shape{X.rows / systems, X.cols, intercept && !constant, constant, l2.weight};
  const Stack<T> stack{shape, split(shape), X.data, y, mean, scatter, l2.on_intercept, threads, out, weights};
  // A group of systems at a time, which limits the memory of the triangles.
  const Index size = std::clamp<Index>(4096 / stack.parts.chunks.number(), 1, systems);
  for (Index first = 0; first < systems; first += size) {
    Group<T> group(stack, first, std::min(size, systems - first));
    group.factor_moments();
    group.factor_rows();
    group.solve();
    group.refine();
    group.solve_equal();
    group.write();
  }
}

template void least_squares_rows(BasicMatrix<double>, const double*, Index, const double*, const double*, bool,
                                 const Penalty&, int, const Minima&, const double*);
template void least_squares_rows(BasicMatrix<float>, const float*, Index, const double*, const double*, bool,
                                 const Penalty&, int, const Minima&, const double*);

}  // namespace pyrometer::minimum
