#include "pyrometer/minimum/absolute_solve.hpp"

#include <cmath>
#include <numeric>

#include "pyrometer/minimum/absolute_newton.hpp"
#include "pyrometer/minimum/absolute_passes.hpp"
#include "pyrometer/minimum/absolute_vertex.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Standard errors that the band is wide: wide enough that few rows are on the wrong side, narrow enough that few are inside.
constexpr double kErrors = 4;
// Up to here edges are walked over all rows at once.
constexpr Index kFew = 1024;
// Up to here a table is copied into the frame as a whole.
constexpr Index kSome = 16384;
// The smallest jitter is that of residuals of this size, in units of y: where all rows fit exactly.
constexpr double kFloor = 1e-2;
// Residuals in the frame, whose y are about 1, are not known better.
constexpr double kRounding = 1e-14;

Index few(Index n) { return std::max(kFew, 24 * n); }

// The rows near zero of some source, and one that stands for all others.
struct Reduced {
  Rows rows;        // in the frame, jittered
  Indices origin;   // which row of the source each one is; -1 for the aggregate
  Index decided = 0;  // origin[0 .. decided) is sorted
  Aggregate rest;

  [[nodiscard]] bool has(Index i) const {
    const auto sorted = origin.begin() + decided;
    return std::binary_search(origin.begin(), sorted, i) || std::find(sorted, origin.end(), i) != origin.end();
  }
};

// Rows of the frame as a source of rows of the frame.
struct InFrame {
  const Rows& rows;
  Team team;

  [[nodiscard]] Vec theta(const Vec& phi) const { return phi; }
  [[nodiscard]] Vec weight() const { return Vec(at(rows.columns), 1.0); }
  [[nodiscard]] double least_band() const { return 0; }
  // Walking over all rows is no disaster here.
  [[nodiscard]] static int most_tries() { return 2; }
  [[nodiscard]] Rows take(const Indices& chosen) const { return pack(rows, chosen); }
  double into(const double* x, double y, Vec& z) const {
    z.assign(x, x + rows.columns);
    return y;
  }
  // Rows on the wrong side of zero.
  [[nodiscard]] Indices wrong(const Vertex& vertex) const {
    return misjudged(rows, vertex.phi, vertex.signs, kRounding, team);
  }
  void check_finite(bool /*finite*/) const {}
};

// A table as a source.
template <class T>
struct InTable {
  const Table<T>& rows;
  const Frame& frame;
  Vec weights;
  double noise;
  Certified& certified;
  Team team;

  [[nodiscard]] Vec theta(const Vec& phi) const { return frame.coefficients(phi); }
  [[nodiscard]] const Vec& weight() const { return weights; }
  [[nodiscard]] static int most_tries() { return 40; }
  [[nodiscard]] double least_band() const { return 4 * noise * frame.unit; }
  [[nodiscard]] Rows take(const Indices& chosen) const {
    Rows taken = pack(rows, frame, chosen, team);
    jitter(taken, chosen, noise);
    return taken;
  }
  double into(const double* x, double y, Vec& z) const {
    z.resize(at(frame.rank));
    frame.into(x, z.data());
    return y / frame.unit;
  }
  [[nodiscard]] Indices wrong(const Vertex& vertex) const {
    certified = certify(rows, frame, vertex, team);
    return std::move(certified.misjudged);
  }
  void check_finite(bool finite) const {
    if (!finite) complain(rows);
  }
};

template <class Source>
Reduced reduce(const Source& source, Sides sides) {
  Reduced out;
  out.rows = source.take(sides.undecided);
  out.origin = std::move(sides.undecided);
  out.decided = out.rows.count;
  out.rest = std::move(sides.rest);
  Vec z;
  const double y = source.into(out.rest.x.data(), out.rest.y, z);
  out.rows.append(z.data(), y);
  out.origin.push_back(-1);
  return out;
}

// Takes rows out of the aggregate again.
template <class Source>
void release(const Source& source, const Indices& wrong, const Signs& signs, Reduced& reduced) {
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
  const double y = source.into(reduced.rest.x.data(), reduced.rest.y, z);
  reduced.rows.set(reduced.decided, z.data(), y);
}

// The reduced problem's vertex in the rows of the source; false if it rests on the aggregate.
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

// Solves a source of which phi is known so well that `inside` rows hold all doubtful ones. phi and vertex are out.
// False if the doubtful rows turn out to be half of all: then nothing is gained.
template <class Source>
bool by_reduction(const Source& source, Vec& phi, Index inside, Team team, Vertex& vertex) {
  const Index m = source.rows.count;
  const Vec weight = source.weight();
  for (int tries = 0; tries < source.most_tries() && 2 * inside < m; ++tries, inside *= 3) {
    Signs signs;
    bool finite = true;
    const Vec theta = source.theta(phi);
    const double share = static_cast<double>(inside) / static_cast<double>(m);
    const double width = std::max(band(source.rows, theta, weight, share), source.least_band());
    Sides sides = classify(source.rows, theta, weight, width, signs, team, finite);
    source.check_finite(finite);
    if (4 * static_cast<Index>(sides.undecided.size()) > 3 * m) return false;
    Reduced reduced = reduce(source, std::move(sides));
    for (int mends = 0; mends < 6; ++mends) {
      vertex = solve(reduced.rows, phi, team);
      if (!vertex.optimal) break;
      phi = vertex.phi;
      if (!lift(reduced, vertex, signs)) break;
      Indices wrong = source.wrong(vertex);
      // Rows of the reduced problem are on their side but for jitter.
      std::erase_if(wrong, [&](Index i) { return reduced.has(i); });
      if (wrong.empty()) return true;
      if (4 * static_cast<Index>(wrong.size()) > reduced.rows.count) break;
      signs = std::move(vertex.signs);
      release(source, wrong, signs, reduced);
    }
  }
  return false;
}

// The least squares of whitened rows: mean z y.
Vec least_squares_start(const Rows& rows) {
  Vec phi(at(rows.columns));
  for (Index b = 0; b < rows.blocks(); ++b) {
    const Block block = rows.block(b, nullptr);
    for (Index j = 0; j < rows.columns; ++j) {
      double sum = 0;
      for (Index l = 0; l < kBlock; ++l) sum += block.x[j * kBlock + l] * block.y[l];
      phi[at(j)] += sum / static_cast<double>(rows.count);
    }
  }
  return phi;
}

// L^{-1} z for every row, L a lower triangle packed by rows.
Rows whitened(const Rows& rows, const Vec& factor, Team team) {
  const Index n = rows.columns;
  Rows out = rows;
  const base::Chunks chunks{rows.blocks(), kChunk};
  team.each(chunks.number(), [&](Index chunk, int) {
    for (Index b = chunks.begin(chunk); b < chunks.end(chunk); ++b) {
      double* x = out.x.data() + b * n * kBlock;
      for (Index i = 0; i < n; ++i) {
        const double* row = factor.data() + i * (i + 1) / 2;
        double* to = x + i * kBlock;
        for (Index j = 0; j < i; ++j)
          for (Index l = 0; l < kBlock; ++l) to[l] -= row[j] * x[j * kBlock + l];
        for (Index l = 0; l < kBlock; ++l) to[l] /= row[i];
      }
    }
  });
  return out;
}

// L' v
Vec times_transposed(const Vec& factor, const Vec& v) {
  Vec out(v.size());
  for (Index i = 0; i < static_cast<Index>(v.size()); ++i)
    for (Index j = 0; j <= i; ++j) out[at(j)] += factor[at(i * (i + 1) / 2 + j)] * v[at(i)];
  return out;
}

// L'^{-1} v
Vec solve_transposed(const Vec& factor, Vec v) {
  for (Index i = static_cast<Index>(v.size()) - 1; i >= 0; --i) {
    v[at(i)] /= factor[at(i * (i + 1) / 2 + i)];
    for (Index j = 0; j < i; ++j) v[at(j)] -= factor[at(i * (i + 1) / 2 + j)] * v[at(i)];
  }
  return v;
}

// 1 / root mean square of each column over the quarter of the rows that is nearest to zero: what an error of prediction is
// measured in, for columns that are not too correlated; over all rows for those that vanish there. A column that vanishes on
// all rows looked at is taken for one that lives on a single row.
template <class T>
Vec inner_weights(const Table<T>& table, const Frame& frame, const Indices& chosen, const Vec& theta) {
  const double rare = std::sqrt(static_cast<double>(table.count));
  const Index n = table.columns, size = static_cast<Index>(chosen.size()), wanted = std::min<Index>(size, 4096);
  Vec x(at(wanted * n)), residual(at(wanted)), inner(at(n)), all(at(n)), row(at(n + 1));
  for (Index k = 0; k < wanted; ++k) {
    double r = table.row(chosen[at(stratified(k, wanted, size))], row.data());
    for (Index j = 0; j < n; ++j) {
      r -= row[at(j)] * theta[at(j)];
      x[at(k * n + j)] = row[at(j)];
    }
    residual[at(k)] = std::abs(r);
  }
  Vec sorted = residual;
  std::nth_element(sorted.begin(), sorted.begin() + wanted / 4, sorted.end());
  for (Index k = 0; k < wanted; ++k) {
    for (Index j = 0; j < n; ++j) {
      const double square = x[at(k * n + j)] * x[at(k * n + j)];
      all[at(j)] += square;
      if (residual[at(k)] <= sorted[at(wanted / 4)]) inner[at(j)] += 4 * square;
    }
  }
  for (Index j = 0; j < n; ++j) {
    const double square = inner[at(j)] > 0 ? inner[at(j)] : all[at(j)];
    inner[at(j)] = square > 0 ? std::sqrt(static_cast<double>(wanted) / square) : rare * frame.weight[at(j)];
  }
  return inner;
}

// A size for the residuals: their median, or a hundredth of their mean where most fit exactly.
double typical(const Rows& rows, const Vec& phi) {
  const Index wanted = std::min<Index>(rows.count, 1024);
  Vec z(at(rows.columns)), size(at(wanted));
  for (Index k = 0; k < wanted; ++k) {
    const Index i = stratified(k, wanted, rows.count);
    const double y = rows.row(i, z.data());
    size[at(k)] = std::abs(y - std::inner_product(z.begin(), z.end(), phi.begin(), 0.0));
  }
  const double mean = std::accumulate(size.begin(), size.end(), 0.0) / static_cast<double>(wanted);
  std::nth_element(size.begin(), size.begin() + wanted / 2, size.end());
  return std::max(size[at(wanted / 2)], 0.01 * mean);
}

template <class T>
void require_finite(const Table<T>& table, const Vec& values) {
  for (const double value : values)
    if (!std::isfinite(value)) complain(table);
}

// All rows at once.
template <class T>
Certified solve_whole(const Table<T>& table, const Frame& frame, double size, Team team) {
  Indices every(at(table.count));
  std::iota(every.begin(), every.end(), Index{0});
  Rows rows = pack(table, frame, every, team);
  require_finite(table, rows.y);
  const Vec phi = least_squares_start(rows);
  require_finite(table, phi);
  jitter(rows, every, size * (typical(rows, phi) + kFloor));
  return certify(table, frame, solve(rows, phi, team), team);
}

}  // namespace

Vertex solve(const Rows& given, Vec phi, Team team) {
  const Index n = given.columns, m = given.count;
  const double size = static_cast<double>(m), share = std::clamp(6 * static_cast<double>(n) / size, 0.125, 0.5);
  const Vec factor = newton(given, 1, share, phi, team);
  if (factor.empty()) return walk(given, phi, team);
  const Rows rows = whitened(given, factor, team);
  phi = times_transposed(factor, phi);
  Vertex vertex;
  const auto inside = static_cast<Index>(kErrors * std::sqrt(2 * static_cast<double>(n) * size * share)) + 8 * n;
  if (m <= few(n) || !by_reduction(InFrame{rows, team}, phi, inside, team, vertex)) vertex = walk(rows, phi, team);
  vertex.phi = solve_transposed(factor, vertex.phi);
  return vertex;
}

template <class T>
Certified solve(const Table<T>& table, const Frame& frame, double size, Team team) {
  const Index m = table.count, n = frame.rank;
  if (m <= std::max(kSome, 64 * n)) return solve_whole(table, frame, size, team);

  const auto wanted = static_cast<Index>(std::pow(static_cast<double>(n) * static_cast<double>(m), 2.0 / 3.0));
  const Index taken = std::clamp(wanted, Index{64} * n, m / 4);
  Indices chosen(at(taken));
  for (Index k = 0; k < taken; ++k) chosen[at(k)] = stratified(k, taken, m);
  Rows sample = pack(table, frame, chosen, team);
  Vec phi = least_squares_start(sample);
  require_finite(table, phi);
  newton(sample, std::max<Index>(1, taken / std::max<Index>(2048, 64 * n)), 0.125, phi, team);
  const double noise = size * (typical(sample, phi) + kFloor);
  jitter(sample, chosen, noise);
  newton(sample, 1, 0.125, phi, team);

  Vertex vertex;
  Certified certified;
  const double error = kErrors * std::sqrt(static_cast<double>(n) / static_cast<double>(taken));
  const auto inside = static_cast<Index>(error * static_cast<double>(m));
  const Vec weights = inner_weights(table, frame, chosen, frame.coefficients(phi));
  if (by_reduction(InTable<T>{table, frame, weights, noise, certified, team}, phi, inside, team, vertex)) return certified;
  return solve_whole(table, frame, size, team);
}

template Certified solve(const Table<double>&, const Frame&, double, Team);
template Certified solve(const Table<float>&, const Frame&, double, Team);

}  // namespace pyrometer::minimum::absolute
