#include "pyrometer/minimum/absolute/solve.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "pyrometer/minimum/absolute/groups.hpp"
#include "pyrometer/minimum/absolute/interior_point.hpp"
#include "pyrometer/minimum/absolute/newton.hpp"
#include "pyrometer/minimum/absolute/passes.hpp"
#include "pyrometer/minimum/absolute/scales.hpp"
#include "pyrometer/minimum/absolute/simplex.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Half-width of the band in standard errors: few rows outside are misclassified, and few are inside.
constexpr double kBandErrors = 4;
// Up to this many rows the simplex method is applied to all rows directly.
constexpr Index kSimplexRows = 1024;
// From this many columns on, half as many with many rows, an interior-point method provides the starting point of the
// simplex method.
constexpr Index kInteriorPointColumns = 24;
// Where the interior-point method stops at first, and how near to a bound the dual solution of a decided row then is.
constexpr double kNearlyClosed = 1e-4;
constexpr double kDecidedRoom = 1e-3;
// Where it stops at last.
constexpr double kClosed = 1e-12;
// Up to this many rows a table is copied into whitened coordinates as a whole.
constexpr Index kWholeTableRows = 16384;
// Up to this many numbers a table is copied as a whole after two failed reductions.
constexpr Index kWholeTableNumbers = Index{1} << 22;
// Typical residual, in units of y, that the jitter is based on where all rows fit exactly.
constexpr double kLeastTypical = 1e-2;
// How often rows of the wrong sign are put back.
constexpr int kMostRepairs = 8;
// Rounding error of residuals in whitened coordinates, where y is about 1.
constexpr double kRoundingError = 1e-14;

Index simplex_rows(Index n) { return std::max(kSimplexRows, 24 * n); }

// A stratified sample of (n m)^{2/3} of m rows, at least 64 n.
Indices sample_of(Index m, Index n) {
  const auto wanted = static_cast<Index>(std::pow(static_cast<double>(n) * static_cast<double>(m), 2.0 / 3.0));
  const Index taken = std::clamp(wanted, Index{64} * n, std::max(Index{64} * n, m / 4));
  Indices chosen(at(taken));
  for (Index k = 0; k < taken; ++k) chosen[at(k)] = stratified(k, taken, m);
  return chosen;
}

// The expected number of the m rows whose residuals are smaller than the error of an estimate from `taken` rows.
Index rows_within_error(Index m, Index n, Index taken) {
  return static_cast<Index>(kBandErrors * std::sqrt(static_cast<double>(n) / static_cast<double>(taken)) *
                            static_cast<double>(m));
}

// A reduced problem: the rows of a source with residuals near zero, and one aggregate of all others.
struct Reduced {
  Rows rows;          // in whitened coordinates, jittered
  Indices origin;     // which row of the source each one is; -1 for the aggregate
  Index decided = 0;  // origin[0 .. decided) is sorted
  Aggregate rest;

  [[nodiscard]] bool has(Index i) const {
    const auto sorted = origin.begin() + decided;
    return std::binary_search(origin.begin(), sorted, i) || std::find(sorted, origin.end(), i) != origin.end();
  }
};

// What is reduced.
struct Problem {
  const Source& rows;

  // Coefficients of the rows' columns from those of the coordinates.
  [[nodiscard]] virtual Vec theta(const Vec& phi) const = 0;
  // See band().
  [[nodiscard]] virtual Vec weight() const = 0;
  [[nodiscard]] virtual double least_band() const = 0;
  [[nodiscard]] virtual int max_tries() const = 0;
  // Rows in whitened coordinates.
  [[nodiscard]] virtual Rows take(const Indices& chosen) const = 0;
  virtual double whiten(const double* x, double y, Vec& z) const = 0;
  // Rows whose residual has the opposite sign.
  [[nodiscard]] virtual Indices wrong(const Vertex& vertex) const = 0;
  virtual void check_finite(bool finite) const = 0;

 protected:
  explicit Problem(const Source& of) : rows(of) {}
  ~Problem() = default;
};

// The reduction of rows that are in whitened coordinates already.
struct WhitenedSource final : Problem {
  const Rows& whitened;
  ExecutionContext context;

  WhitenedSource(const Rows& of, ExecutionContext in) : Problem(of), whitened(of), context(in) {}
  [[nodiscard]] Vec theta(const Vec& phi) const override { return phi; }
  [[nodiscard]] Vec weight() const override { return Vec(at(rows.columns), 1.0); }
  [[nodiscard]] double least_band() const override { return 0; }
  // The fallback, the interior-point method on all rows, costs little more.
  [[nodiscard]] int max_tries() const override { return 1; }
  [[nodiscard]] Rows take(const Indices& chosen) const override { return pack(whitened, chosen); }
  double whiten(const double* x, double y, Vec& z) const override {
    z.assign(x, x + rows.columns);
    return y;
  }
  [[nodiscard]] Indices wrong(const Vertex& vertex) const override {
    return misjudged(rows, vertex.phi, vertex.signs, kRoundingError, context);
  }
  void check_finite(bool /*finite*/) const override {}
};

// A table with jitter, so that residuals of tied rows have a sign.
struct Jittered final : Source {
  const Table& table;
  double size;

  Jittered(const Table& of, double of_size) : Source(of.columns, of.count), table(of), size(of_size) {}
  [[nodiscard]] Index scratch() const override { return table.scratch(); }
  [[nodiscard]] Block block(Index b, double* scratch) const override {
    const Block plain = table.block(b, scratch);
    double* y = scratch + columns * kBlock;
    for (Index l = 0; l < std::min(kBlock, count - b * kBlock); ++l)
      y[l] = plain.y[l] + size * jitter_of(b * kBlock + l);
    return {plain.x, y};
  }
  double row(Index i, double* z) const override { return table.row(i, z) + size * jitter_of(i); }
  void prefetch(Index i) const override { table.prefetch(i); }
};

// The reduction of a table, whose rows are whitened when taken.
struct TableSource final : Problem {
  const Table& table;
  const Whitening& whitening;
  Vec weights;
  double noise;
  Certified& certified;
  ExecutionContext context;

  TableSource(const Jittered& jittered, const Whitening& by, Vec weighed, double of_noise, Certified& result,
              ExecutionContext in)
      : Problem(jittered),
        table(jittered.table),
        whitening(by),
        weights(std::move(weighed)),
        noise(of_noise),
        certified(result),
        context(in) {}
  [[nodiscard]] Vec theta(const Vec& phi) const override { return whitening.coefficients(phi); }
  [[nodiscard]] Vec weight() const override { return weights; }
  // With many ties the sample is misleading: after two bands, all rows cost less unless they are very many.
  [[nodiscard]] int max_tries() const override { return table.count * table.columns <= kWholeTableNumbers ? 2 : 40; }
  [[nodiscard]] double least_band() const override { return kRoundingError * whitening.unit; }
  [[nodiscard]] Rows take(const Indices& chosen) const override {
    Rows taken = pack(table, whitening, chosen, context);
    jitter(taken, chosen, noise);
    return taken;
  }
  double whiten(const double* x, double y, Vec& z) const override {
    z.resize(at(whitening.rank));
    whitening.apply(x, z.data());
    return y / whitening.unit;
  }
  [[nodiscard]] Indices wrong(const Vertex& vertex) const override {
    certified = certify(table, whitening, vertex, context);
    return std::move(certified.misjudged);
  }
  void check_finite(bool finite) const override {
    if (!finite) diagnose(table);
  }
};

// Solves rows from a starting point.
using SolveRows = std::function<Vertex(const Rows&, const Vec&)>;

SolveRows by_solve(ExecutionContext context) {
  return [context](const Rows& rows, const Vec& start) { return solve(rows, start, context); };
}

Reduced reduce(const Problem& source, Sides sides) {
  Reduced out;
  out.rows = source.take(sides.undecided);
  out.origin = std::move(sides.undecided);
  out.decided = out.rows.count;
  out.rest = std::move(sides.rest);
  Vec z;
  const double y = source.whiten(out.rest.x.data(), out.rest.y, z);
  out.rows.append(z.data(), y);
  out.origin.push_back(-1);
  return out;
}

// Moves rows from the aggregate back into the reduced problem.
void release(const Problem& source, const Indices& wrong, const Signs& signs, Reduced& reduced) {
  Vec x(at(source.rows.columns + 1)), z;
  for (const Index i : wrong) {
    const double y = source.rows.row(i, x.data()), s = signs[at(i)];
    for (Index j = 0; j < source.rows.columns; ++j) reduced.rest.x[at(j)] -= s * x[at(j)];
    reduced.rest.y -= s * y;
  }
  const Rows back = source.take(wrong);
  z.resize(at(back.columns));
  for (Index i = 0; i < back.count; ++i) {
    const double y = back.row(i, z.data());
    reduced.rows.append(z.data(), y);
  }
  reduced.origin.insert(reduced.origin.end(), wrong.begin(), wrong.end());
  const double y = source.whiten(reduced.rest.x.data(), reduced.rest.y, z);
  reduced.rows.set(reduced.decided, z.data(), y);
}

// Translates the reduced problem's vertex to rows of the source; false if its basis contains the aggregate.
bool lift(const Reduced& reduced, Vertex& vertex, Signs& signs) {
  for (Index& i : vertex.basis) {
    i = reduced.origin[at(i)];
    if (i < 0) return false;
  }
  for (Index i = 0; i < reduced.rows.count; ++i)
    if (i != reduced.decided) signs[at(reduced.origin[at(i)])] = vertex.signs[at(i)];
  vertex.signs = std::move(signs);
  return true;
}

// The rows without a sign, and the aggregate of the others. A pass over the rows, 2 n flops each.
Sides split(const Source& source, const Signs& signs) {
  const Index n = source.columns;
  Sides sides{{}, {Vec(at(n)), 0}};
  std::vector<DoubleDouble> all(at(n + 1));
  Vec x(at(n + 1)), part(at(n + 1));
  for (Index i = 0; i < source.count; ++i) {
    if (const double s = signs[at(i)]; s == 0) {
      sides.undecided.push_back(i);
    } else {
      x[at(n)] = source.row(i, x.data());
      for (Index j = 0; j <= n; ++j) part[at(j)] += s * x[at(j)];
    }
    if (i % kBlock == kBlock - 1 || i + 1 == source.count)
      for (Index j = 0; j <= n; ++j) all[at(j)].add(std::exchange(part[at(j)], 0.0));
  }
  for (Index j = 0; j < n; ++j) sides.rest.x[at(j)] = all[at(j)].value();
  sides.rest.y = all[at(n)].value();
  return sides;
}

// Solves the rows of undecided sign with `solve_rows(rows, phi)`, together with the aggregate of the others, and puts
// rows back whose sign is wrong at the solution, until there are none. False, and nothing changes, if the reduced
// problem has no solution of its own, or half of the rows.
bool settle(const Problem& source, Sides sides, Signs signs, Vec phi, const SolveRows& solve_rows, Vertex& out) {
  Reduced reduced = reduce(source, std::move(sides));
  for (int repairs = 0; repairs < kMostRepairs; ++repairs) {
    Vertex vertex = solve_rows(reduced.rows, phi);
    if (!vertex.optimal || !lift(reduced, vertex, signs)) return false;
    phi = vertex.phi;
    Indices wrong = source.wrong(vertex);
    // Rows of the reduced problem have the right sign up to jitter.
    std::erase_if(wrong, [&](Index i) { return reduced.has(i); });
    if (wrong.empty()) {
      out = std::move(vertex);
      return true;
    }
    if (2 * (static_cast<Index>(wrong.size()) + reduced.rows.count) > source.rows.count) return false;
    signs = std::move(vertex.signs);
    release(source, wrong, signs, reduced);
  }
  return false;
}

// Solves a source by reduction, with phi so accurate that `inside` rows are expected to contain all those of undecided
// sign. False, and the vertex is unchanged, if half of the rows are undecided, so that the reduction does not pay.
bool by_reduction(const Problem& source, Vec phi, Index inside, ExecutionContext context, Vertex& vertex) {
  const Index m = source.rows.count;
  const Vec weight = source.weight();
  for (int tries = 0; tries < source.max_tries() && 2 * inside < m; ++tries, inside *= 3) {
    // With discrete residuals the minimum of the smoothed energy is inaccurate: use the vertex of a sample.
    if (const Index n = static_cast<Index>(phi.size()); tries == 1 && 256 * n < m) {
      const Indices chosen = sample_of(m, n);
      phi = solve(source.take(chosen), phi, context).phi;
      inside = rows_within_error(m, n, static_cast<Index>(chosen.size()));
    }
    Signs signs;
    bool finite = true;
    const Vec theta = source.theta(phi);
    const double share = static_cast<double>(inside) / static_cast<double>(m);
    const double width = std::max(band(source.rows, theta, weight, share), source.least_band());
    Sides sides = classify(source.rows, theta, weight, width, signs, context, finite);
    source.check_finite(finite);
    if (2 * static_cast<Index>(sides.undecided.size()) > m) return false;
    if (settle(source, std::move(sides), std::move(signs), phi, by_solve(context), vertex)) return true;
  }
  return false;
}

// Solves rows by the interior-point method. Of many rows it first decides the signs of most, whose aggregate then is
// one row of the problem that is solved to the end.
Vertex by_interior(const Rows& rows, Vec phi, ExecutionContext context) {
  const Index m = rows.count, few = simplex_rows(rows.columns);
  if (m > 4 * few) {
    const Vec room = interior(rows, kNearlyClosed, phi, context);
    Vec sizes(room.size());
    for (std::size_t i = 0; i < room.size(); ++i) sizes[i] = std::isnan(room[i]) ? 1 : std::abs(room[i]);
    Vec sorted = sizes;
    std::nth_element(sorted.begin(), sorted.end() - few, sorted.end());
    const double least = std::min(*(sorted.end() - few), kDecidedRoom);
    Signs signs(room.size());
    for (std::size_t i = 0; i < room.size(); ++i) signs[i] = sizes[i] >= least ? 0 : room[i] > 0 ? 1 : -1;
    Sides sides = split(rows, signs);
    const auto solve_rows = [&](const Rows& some, const Vec& start) { return by_interior(some, start, context); };
    if (Vertex vertex;
        2 * static_cast<Index>(sides.undecided.size()) < m &&
        settle(WhitenedSource{rows, context}, std::move(sides), std::move(signs), phi, solve_rows, vertex))
      return vertex;
  }
  interior(rows, kClosed, phi, context);
  Vertex vertex = simplex(rows, phi, true, context);
  // The smallest residuals may be too dependent for a basis.
  return vertex.basis.empty() ? simplex(rows, phi, false, context) : vertex;
}

// Solves a source from the vertex of the same rows with other jitter: rows off its basis keep their signs where these
// are right for the source. Updates the vertex, if that succeeds.
bool resume(const Problem& source, ExecutionContext context, Vertex& vertex) {
  Signs signs = vertex.signs;
  for (const Index i : vertex.basis) signs[at(i)] = 0;
  for (const Index i : source.wrong(vertex)) signs[at(i)] = 0;
  Sides sides = split(source.rows, signs);
  if (4 * static_cast<Index>(sides.undecided.size()) > source.rows.count) return false;
  return settle(source, std::move(sides), std::move(signs), vertex.phi, by_solve(context), vertex);
}

void require_finite(const Table& table, const Vec& values) {
  for (const double value : values)
    if (!std::isfinite(value)) diagnose(table);
}

// Solves all rows without reduction, from phi with jitter `noise`. If phi is empty, from the last vertex, or else the
// least squares solution, with jitter `size` relative to residuals there; of least squares and heavy tails these may be
// so large that jitter changes the vertex.
Certified solve_whole(const Table& table, const Whitening& whitening, double size, Vec phi, double noise,
                      ExecutionContext context, Vertex& vertex) {
  Indices every(at(table.count));
  std::iota(every.begin(), every.end(), Index{0});
  Rows rows = pack(table, whitening, every, context);
  require_finite(table, rows.y);
  if (phi.empty()) {
    const bool near = vertex.optimal && std::all_of(vertex.phi.begin(), vertex.phi.end(),
                                                    [](double t) { return std::abs(t) < 1 / kRoundingError; });
    phi = near ? vertex.phi : least_squares_start(rows);
    noise = size * (typical(rows, phi) + kLeastTypical);
  }
  require_finite(table, phi);
  jitter(rows, every, noise);
  if (table.weights != nullptr) weigh(rows, table.weights);
  if (!vertex.optimal || !resume(WhitenedSource{rows, context}, context, vertex)) vertex = solve(rows, phi, context);
  return certify(table, whitening, vertex, context);
}

// Solves each distinct row once, with its multiplicity; nullopt if there are too many distinct rows.
std::optional<Certified> by_groups(const Table& table, const Whitening& whitening, const Indices& sample,
                                   const Vec& phi, double noise, ExecutionContext context) {
  const std::optional<Groups> groups = group(table, sample, context);
  if (!groups) return std::nullopt;
  Rows rows = pack(table, whitening, groups->first, context);
  jitter(rows, groups->first, noise);
  weigh(rows, groups->count.data());
  return certify(Distinct(table, *groups), whitening, solve(rows, phi, context), context);
}

}  // namespace

Vertex solve(const Rows& given, Vec phi, ExecutionContext context) {
  const Index n = given.columns, m = given.count;
  const double size = static_cast<double>(m), share = std::clamp(6 * static_cast<double>(n) / size, 0.125, 0.5);
  const Vec factor = newton(given, 1, share, phi, context);
  if (factor.empty()) return simplex(given, phi, false, context);
  const Rows rows = whitened(given, factor, context);
  phi = times_transposed(factor, phi);
  Vertex vertex;
  const auto inside = static_cast<Index>(kBandErrors * std::sqrt(2 * static_cast<double>(n) * size * share)) + 8 * n;
  if (m <= simplex_rows(n) || !by_reduction(WhitenedSource{rows, context}, phi, inside, context, vertex)) {
    const bool interior_first = (m > simplex_rows(n) ? 2 : 1) * n >= kInteriorPointColumns;
    vertex = interior_first ? by_interior(rows, phi, context) : simplex(rows, phi, false, context);
  }
  vertex.phi = solve_transposed(factor, vertex.phi);
  return vertex;
}

Certified solve(const Table& table, const Whitening& whitening, double size, ExecutionContext context, Vertex& vertex) {
  const Index m = table.count, n = whitening.rank;
  // Weighted rows are multiplied by their weights where they are copied.
  if (table.weights != nullptr || m <= std::max(kWholeTableRows, 64 * n))
    return solve_whole(table, whitening, size, {}, 0, context, vertex);

  const Indices chosen = sample_of(m, n);
  const Index taken = static_cast<Index>(chosen.size());
  Rows sample = pack(table, whitening, chosen, context);
  Vec phi = least_squares_start(sample);
  require_finite(table, phi);
  newton(sample, std::max<Index>(1, taken / std::max<Index>(2048, 64 * n)), 0.125, phi, context);
  const double noise = size * (typical(sample, phi) + kLeastTypical);

  Certified certified;
  const Vec weights = inner_weights(table, whitening, chosen, whitening.coefficients(phi));
  const Jittered jittered{table, noise * whitening.unit};
  const TableSource source{jittered, whitening, weights, noise, certified, context};
  if (vertex.optimal && resume(source, context, vertex)) return certified;
  vertex.optimal = false;
  if (repeats(sample))
    if (auto grouped = by_groups(table, whitening, chosen, phi, noise, context)) return std::move(*grouped);
  jitter(sample, chosen, noise);
  newton(sample, 1, 0.125, phi, context);
  if (by_reduction(source, phi, rows_within_error(m, n, taken), context, vertex)) return certified;
  return solve_whole(table, whitening, size, std::move(phi), noise, context, vertex);
}

}  // namespace pyrometer::minimum::absolute
