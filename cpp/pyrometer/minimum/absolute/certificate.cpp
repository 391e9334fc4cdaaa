#include "pyrometer/minimum/absolute/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/minimum/absolute/inverse.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The rows of the basis in the caller's centred columns, and the inverse of the basis in whitened coordinates.
struct Basis {
  Index size = 0, columns = 0;
  Vec x, y, weights,
      inverse;  // size x columns; size; size; the inverse of the rows in whitened coordinates, column after column

  [[nodiscard]] const double* row(Index k) const { return x.data() + k * columns; }
};

bool make_basis(const Table& table, const Whitening& whitening, const Vertex& vertex, Basis& basis) {
  basis.size = whitening.rank;
  basis.columns = whitening.columns;
  basis.x.resize(at(basis.size * basis.columns + 1));
  basis.y.resize(at(basis.size));
  Vec z(at(basis.size * basis.size)), values(at(basis.columns + 1));
  for (Index k = 0; k < basis.size; ++k) {
    basis.weights.push_back(table.weights != nullptr ? table.weights[vertex.basis[at(k)]] : 1);
    basis.y[at(k)] = table.row(vertex.basis[at(k)], values.data());
    std::copy_n(values.begin(), basis.columns, basis.x.begin() + k * basis.columns);
    whitening.apply(values.data(), z.data() + k * basis.size);
  }
  return invert(z, basis.size, basis.inverse);
}

// Solves X_B theta = y_B by iterative refinement with double-double residuals.
Vec interpolate(const Whitening& whitening, const Basis& basis) {
  Vec theta(at(basis.columns));
  for (int round = 0; round < 4; ++round) {
    Vec change(at(basis.size));
    for (Index k = 0; k < basis.size; ++k) {
      const double rest = residual(basis.y[at(k)], basis.row(k), theta.data(), basis.columns) / whitening.unit;
      for (Index j = 0; j < basis.size; ++j) change[at(j)] += rest * basis.inverse[at(k * basis.size + j)];
    }
    const Vec step = whitening.coefficients(change);
    for (std::size_t j = 0; j < theta.size(); ++j) theta[j] += step[j];
  }
  return theta;
}

// |d_B| + eta: bounds of the dual solution in the basis, divided by the weight of the row.
Vec dual_sizes(const Whitening& whitening, const Basis& basis, const Sums& sums) {
  const Index r = basis.size, n = basis.columns;
  Vec dual(at(r)), z(at(r)), rest = sums.signed_x, bound(at(n));
  const auto add_dual = [&] {  // dual -= W' A rest
    whitening.apply(rest.data(), z.data());
    for (Index k = 0; k < r; ++k)
      for (Index j = 0; j < r; ++j) dual[at(k)] -= basis.inverse[at(k * r + j)] * z[at(j)];
    for (Index j = 0; j < n; ++j) {
      DoubleDouble sum{sums.signed_x[at(j)], 0};
      for (Index k = 0; k < r; ++k) sum.add_product(dual[at(k)], basis.row(k)[j]);
      rest[at(j)] = sum.value();
    }
  };
  add_dual();
  add_dual();
  // Products that underflow have errors up to 2^-1074 each.
  for (Index j = 0; j < n; ++j)
    bound[at(j)] = std::abs(rest[at(j)]) + sums.rounding_bound[at(j)] + static_cast<double>(r + 1) * 0x1p-1074;
  Vec size(at(r));
  for (Index i = 0; i < r; ++i)
    for (Index j = 0; j < n; ++j) size[at(i)] += std::abs(whitening.A[at(i * n + j)]) * bound[at(j)];
  for (Index k = 0; k < r; ++k) {
    double eta = 0;
    for (Index i = 0; i < r; ++i) eta += std::abs(basis.inverse[at(k * r + i)]) * size[at(i)];
    // An exact solution is within eta if the computed inverse has a few correct digits; twice covers its own error.
    dual[at(k)] = std::abs(dual[at(k)]) + 2 * eta;
    if (const double weight = basis.weights[at(k)]; weight != 1) dual[at(k)] *= (1 + 2 * kEpsilon) / weight;
  }
  return dual;
}

// The factor by which the dual solution must be divided to be feasible.
double shrinkage(const Vec& dual) {
  double most = 1;
  for (const double size : dual) most = std::max(most, size);
  return most;
}

// Bounds of the change of the coefficients of the centred columns under the given changes of residuals in the basis.
Vec spread(const Whitening& whitening, const Basis& basis, const Vec& change) {
  const Index r = basis.size, n = basis.columns;
  Vec z(at(r)), out(at(n));
  for (Index k = 0; k < r; ++k)
    for (Index i = 0; i < r; ++i) z[at(i)] += std::abs(basis.inverse[at(k * r + i)]) * change[at(k)];
  for (Index i = 0; i < r; ++i)
    for (Index j = 0; j < n; ++j) out[at(j)] += 2 * std::abs(whitening.A[at(i * n + j)]) * z[at(i)];
  return out;
}

// Error bounds of the coefficients of the centred columns; see certify. `above` is m times the gap, `free` the number
// of rows without a sign.
Vec errors(const Whitening& whitening, const Basis& basis, const Vec& theta, const Vec& dual, const Sums& sums,
           Index free, double above) {
  const Index r = basis.size, n = basis.columns;
  Vec rest(at(r)), moved(at(r));
  for (Index k = 0; k < r; ++k) {
    double size = std::abs(basis.y[at(k)]);
    for (Index j = 0; j < n; ++j) size += std::abs(basis.row(k)[j] * theta[at(j)]);
    rest[at(k)] = std::abs(residual(basis.y[at(k)], basis.row(k), theta.data(), n)) + 2 * kEpsilon * size;
    const double weight = std::min(1.0, basis.weights[at(k)]);  // weight (1 - dual) |residual| is above at most
    moved[at(k)] = dual[at(k)] < 1 ? rest[at(k)] + above / weight / (1 - dual[at(k)]) : kInfinity;
  }
  if (std::find(moved.begin(), moved.end(), kInfinity) != moved.end()) return Vec(at(n), kInfinity);
  Vec exact = spread(whitening, basis, rest);
  bool decided = sums.decided && free == r;
  for (Index j = 0; j < n; ++j)
    decided = decided && exact[at(j)] <= (kDecided / 2) * static_cast<double>(n) * kEpsilon * std::abs(theta[at(j)]);
  return decided ? exact : spread(whitening, basis, moved);
}

// The intercept of the caller's columns is theta_0 + centre of y - centre . theta. Returns its rounding error.
double set_intercept(const Table& table, const Whitening& whitening, const Vec& theta, Vec& parameters) {
  const Index p = table.features;
  if (!table.intercept) return 0;
  DoubleDouble sum{theta[at(p)], 0};
  sum.add(whitening.centre[at(p)]);
  for (Index j = 0; j < p; ++j) sum.add_product(-whitening.centre[at(j)], theta[at(j)]);
  parameters[at(p)] = sum.value();
  sum.add(-parameters[at(p)]);
  return -sum.value();
}

// Adds what the rounding of the parameters and the centring of the columns add to the intercept's error.
void add_intercept_error(const Table& table, const Whitening& whitening, double shift, Certified& out) {
  const Index p = table.features;
  if (!table.intercept) return;
  double& error = out.error[at(p)];
  error += std::abs(shift) + kEpsilon * std::abs(out.parameters[at(p)]);
  for (Index j = 0; j < p; ++j)
    if (whitening.centre[at(j)] != 0) error += std::abs(whitening.centre[at(j)]) * out.error[at(j)];
}

// sum |r_i| over the rows of the basis, at theta with the intercept changed by `shift`.
double interpolated(const Basis& basis, const Vec& theta, double shift) {
  double sum = 0;
  for (Index k = 0; k < basis.size; ++k)
    sum += basis.weights[at(k)] *
           (std::abs(residual(basis.y[at(k)], basis.row(k), theta.data(), basis.columns)) + std::abs(shift));
  return sum;
}

}  // namespace

Certified certify(const Table& table, const Whitening& whitening, const Vertex& vertex, ExecutionContext context) {
  const Index n = whitening.columns;
  const double rows = table.rows();
  Basis basis;
  const bool whole =
      static_cast<Index>(vertex.basis.size()) == whitening.rank && make_basis(table, whitening, vertex, basis);
  const Vec theta = whole ? interpolate(whitening, basis) : whitening.coefficients(vertex.phi);
  Certified out;
  out.parameters.assign(theta.begin(), theta.end());
  const double shift = set_intercept(table, whitening, theta, out.parameters);

  double shrink = kInfinity;
  Vec dual;
  // m times the energy at theta, the intercept changed by `by`, minus its dual bound.
  const auto above = [&](const Sums& sums, double by) {
    return sums.absolute * (1 - 1 / shrink) + sums.excess + (whole ? interpolated(basis, theta, by) : 0);
  };
  const auto sums_at = [&](double by, Precision precision) {
    return measure(table, theta, by, vertex.signs, precision, context);
  };
  const auto measure_dual = [&](const Sums& sums) {
    dual = dual_sizes(whitening, basis, sums);
    shrink = shrinkage(dual);
  };
  Sums sums = sums_at(0, Precision::plain);
  out.misjudged = std::move(sums.misjudged);
  if (whole) measure_dual(sums);
  double total = above(sums, 0) + 2 * sums.rounding + rows * std::abs(shift);
  const bool fine = 2 * sums.rounding + rows * std::abs(shift) <= 1e-10 * sums.absolute && shrink - 1 <= 1e-13;
  if (whole && !fine) {
    sums = sums_at(0, Precision::double_double);
    measure_dual(sums);
    const Sums there = shift == 0 ? sums : sums_at(shift, Precision::double_double);
    // The value is that before the intercept is rounded, which may be above that of the parameters.
    total = std::max(above(sums, 0) + 2 * sums.rounding, above(there, shift) + 2 * there.rounding);
  }
  out.value = sums.absolute / rows;
  out.slack = above(sums, 0) / rows;
  out.crossed = sums.excess / rows;
  out.terms = sums.magnitude / rows;
  out.gap = total * (1 + 8 * kEpsilon) / rows;
  out.error.assign(at(n), kInfinity);
  if (whole && whitening.rank == n) {
    const Index free = std::count(vertex.signs.begin(), vertex.signs.end(), 0);
    out.error = errors(whitening, basis, theta, dual, sums, free, out.gap * rows);
  }
  add_intercept_error(table, whitening, shift, out);
  if (whitening.dependence_uncertain) {
    out.gap += out.value;
    out.slack = out.value;
  }
  return out;
}

}  // namespace pyrometer::minimum::absolute
