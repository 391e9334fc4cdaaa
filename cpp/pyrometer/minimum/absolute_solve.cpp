#include "pyrometer/minimum/absolute_solve.hpp"

#include <cmath>
#include <numeric>

#include "pyrometer/minimum/absolute_newton.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Standard errors that the band is wide: wide enough that few rows are on the wrong side, narrow enough that few are inside.
constexpr double kErrors = 4;
// Up to here edges are walked over all rows at once.
constexpr Index kFew = 1024;
// Up to here a table is copied into the frame as a whole.
constexpr Index kSome = 16384;

Index few(Index n) { return std::max(kFew, 24 * n); }

// How a source's rows and parameters look in the frame.
struct InFrame {
  const Rows& rows;
  Team team;
  [[nodiscard]] Vec theta(const Vec& phi) const { return phi; }
  [[nodiscard]] Vec weight() const { return Vec(at(rows.columns), 1.0); }
  [[nodiscard]] Rows pack_rows(const Indices& chosen) const { return pack(rows, chosen); }
  void append(Rows& to, const double* x, double y) const { to.append(x, y); }
  void set(Rows& to, Index i, const double* x, double y) const { to.set(i, x, y); }
  [[nodiscard]] double unit() const { return 1; }
};

template <class T>
struct InTable {
  const Table<T>& rows;
  const Frame& frame;
  Team team;
  [[nodiscard]] Vec theta(const Vec& phi) const { return frame.coefficients(phi); }
  [[nodiscard]] Vec weight() const { return frame.weight; }
  [[nodiscard]] Rows pack_rows(const Indices& chosen) const { return pack(rows, frame, chosen, team); }
  void append(Rows& to, const double* x, double y) const {
    Vec z(at(frame.rank));
    frame.into(x, z.data());
    to.append(z.data(), y / frame.unit);
  }
  void set(Rows& to, Index i, const double* x, double y) const {
    Vec z(at(frame.rank));
    frame.into(x, z.data());
    to.set(i, z.data(), y / frame.unit);
  }
  [[nodiscard]] double unit() const { return frame.unit; }
};

template <class Source>
Reduced reduce(const Source& source, Sides sides) {
  Reduced out;
  out.rows = source.pack_rows(sides.undecided);
  out.origin = std::move(sides.undecided);
  out.rest = std::move(sides.rest);
  out.aggregate = out.rows.count;
  source.append(out.rows, out.rest.x.data(), out.rest.y);
  out.origin.push_back(-1);
  return out;
}

// Takes rows out of the aggregate again.
template <class Source>
void release(const Source& source, const Indices& wrong, Signs& signs, Reduced& reduced) {
  Vec x(at(source.rows.columns + 1));
  for (const Index i : wrong) {
    const double y = source.rows.row(i, x.data()), s = signs[at(i)];
    for (Index j = 0; j < source.rows.columns; ++j) reduced.rest.x[at(j)] -= s * x[at(j)];
    reduced.rest.y -= s * y;
    signs[at(i)] = 0;
    source.append(reduced.rows, x.data(), y);
    reduced.origin.push_back(i);
  }
  source.set(reduced.rows, reduced.aggregate, reduced.rest.x.data(), reduced.rest.y);
}

// The reduced problem's vertex in the rows of the source; false if it rests on the aggregate.
bool lift(const Reduced& reduced, Vertex& vertex, Signs& signs) {
  for (Index& i : vertex.basis) {
    i = reduced.origin[at(i)];
    if (i < 0) return false;
  }
  for (Index i = 0; i < reduced.rows.count; ++i)
    if (i != reduced.aggregate) signs[at(reduced.origin[at(i)])] = vertex.signs[at(i)];
  vertex.signs = std::move(signs);
  return true;
}

// Solves a source of which phi is known so well that `inside` rows hold all doubtful ones. phi and vertex are out.
// False if the doubtful rows turn out to be half of all: then nothing is gained.
template <class Source>
bool by_reduction(const Source& source, Vec& phi, Index inside, double jitter, Team team, Vertex& vertex) {
  const Index m = source.rows.count;
  const Vec weight = source.weight();
  for (; 2 * inside < m; inside *= 2) {
    Signs signs;
    bool finite = true;
    Vec theta = source.theta(phi);
    const double share = static_cast<double>(inside) / static_cast<double>(m);
    const double width = band(source.rows, theta, weight, share);
    Sides sides = classify(source.rows, theta, weight, width, signs, team, finite);
    if constexpr (requires { source.frame; }) {
      if (!finite) complain(source.rows);
    }
    if (4 * static_cast<Index>(sides.undecided.size()) > 3 * m) break;  // many rows fit alike: ties
    Reduced reduced = reduce(source, std::move(sides));
    for (int mends = 0; mends < 6; ++mends) {
      vertex = solve(reduced.rows, phi, jitter, team);
      if (!vertex.optimal) break;
      phi = vertex.phi;
      theta = source.theta(phi);
      const Indices wrong = misjudged(source.rows, theta, signs, 4 * jitter * source.unit(), team);
      if (wrong.empty()) {
        if (!lift(reduced, vertex, signs)) break;
        return true;
      }
      if (4 * static_cast<Index>(wrong.size()) > reduced.rows.count) break;
      release(source, wrong, signs, reduced);
    }
  }
  return false;
}

Vec least_squares_start(const Rows& rows) {
  Vec phi(at(rows.columns)), z(at(rows.columns));
  for (Index i = 0; i < rows.count; ++i) {
    const double y = rows.row(i, z.data()) / static_cast<double>(rows.count);
    for (Index j = 0; j < rows.columns; ++j) phi[at(j)] += y * z[at(j)];
  }
  return phi;
}

// A size for the residuals that neither outliers nor exact fits decide: their median.
double typical(const Rows& rows, const Vec& phi) {
  const Index wanted = std::min<Index>(rows.count, 1024);
  Vec z(at(rows.columns)), size(at(wanted));
  for (Index k = 0; k < wanted; ++k) {
    const double y = rows.row(stratified(k, wanted, rows.count), z.data());
    size[at(k)] = std::abs(y - std::inner_product(z.begin(), z.end(), phi.begin(), 0.0));
  }
  std::nth_element(size.begin(), size.begin() + wanted / 2, size.end());
  return size[at(wanted / 2)];
}

}  // namespace

Vertex solve(const Rows& rows, Vec phi, double jitter, Team team) {
  const Index n = rows.columns, m = rows.count;
  const double size = static_cast<double>(m), share = std::max(0.125, std::min(0.5, 6 * static_cast<double>(n) / size));
  newton(rows, 1, share, phi, team);
  Vertex vertex;
  const auto inside = static_cast<Index>(kErrors * std::sqrt(2 * static_cast<double>(n) * size * share)) + 8 * n;
  if (m > few(n) && by_reduction(InFrame{rows, team}, phi, inside, jitter, team, vertex)) return vertex;
  return walk(rows, phi, jitter, team);
}

template <class T>
Vertex solve(const Table<T>& table, const Frame& frame, Team team, double jitter_scale) {
  const Index m = table.count, n = frame.rank;
  const auto jitter = [&](const Rows& rows, const Vec& phi) { return jitter_scale * (typical(rows, phi) + 1e-4); };
  const auto all = [&] {
    Indices every(at(m));
    std::iota(every.begin(), every.end(), Index{0});
    return pack(table, frame, every, team);
  };
  if (m <= std::max(kSome, 64 * n)) {
    const Rows rows = all();
    for (const double y : rows.y)
      if (!std::isfinite(y)) complain(table);
    const Vec phi = least_squares_start(rows);
    for (const double value : phi)
      if (!std::isfinite(value)) complain(table);
    return solve(rows, phi, jitter(rows, phi), team);
  }

  const auto wanted = static_cast<Index>(std::pow(static_cast<double>(n) * static_cast<double>(m), 2.0 / 3.0));
  const Index size = std::clamp(wanted, Index{64} * n, m / 4);
  Indices chosen(at(size));
  for (Index k = 0; k < size; ++k) chosen[at(k)] = stratified(k, size, m);
  const Rows sample = pack(table, frame, chosen, team);
  Vec phi = least_squares_start(sample);
  for (const double value : phi)
    if (!std::isfinite(value)) complain(table);
  const Index stride = std::max<Index>(1, size / std::max<Index>(2048, 64 * n));
  newton(sample, stride, 0.125, phi, team);
  if (stride > 1) newton(sample, 1, 0.125, phi, team);
  const double e = jitter(sample, phi);

  Vertex vertex;
  const double error = kErrors * std::sqrt(static_cast<double>(n) / static_cast<double>(size));
  const auto inside = static_cast<Index>(error * static_cast<double>(m));
  if (by_reduction(InTable<T>{table, frame, team}, phi, inside, e, team, vertex)) return vertex;
  return solve(all(), phi, e, team);
}

template Vertex solve(const Table<double>&, const Frame&, Team, double);
template Vertex solve(const Table<float>&, const Frame&, Team, double);

}  // namespace pyrometer::minimum::absolute
