#include "pyrometer/minimum/least_squares/refinement.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/least_squares/least_norm.hpp"

namespace pyrometer::minimum {
namespace {

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

}  // namespace

RowState judge(const Shape& shape, const Pivoted& f, const double* mean, const double* theta, const Sums& sums,
               const std::vector<Index>& equal) {
  const Index p = shape.features, n = shape.columns(), r = f.rank();
  const double m = static_cast<double>(shape.rows);
  DoubleDouble energy = sums.squares;
  for (Index j = 0; j < n && shape.l2 > 0; ++j) add_square(energy, m * shape.l2, theta[j]);
  // Half the negative gradient, without the free intercept's share of it; 0 in a column of zeros, which has no length.
  const auto gradient = [&](Index k) {
    const Index j = f.column(k);
    if (f.length(k) == 0) return 0.0;
    DoubleDouble g = sums.gradient_of(shape, mean, j);
    if (shape.l2 > 0) g.add_product(-m * shape.l2, theta[j]);
    return g.value() / f.length(k);
  };
  std::vector<double> z(at(r));
  for (Index k = 0; k < r; ++k) z[at(k)] = gradient(k);
  f.forward(z.data());
  double zz = 0;
  for (const double value : z) zz += value * value;

  RowState state;
  state.energy = std::max(energy.value() / m, 0.0);
  const double total = shape.centred ? sums.total.value() / m : 0;
  state.gap = zz / m + square(total);
  // With a penalty every column has a curvature, at least that of the penalty. Rounding of the factor, of means and of
  // double-double sums hides part of the slope that is left in a dependent column, but of equal columns: there it is
  // that of the penalty.
  if (shape.l2 > 0 && r < n) {
    const double rounded = rounding_of_parameters(shape, f, mean, theta) + std::sqrt(state.energy);
    const double size = std::sqrt(m) * (std::sqrt(state.gap) + kSums * rounded);
    for (Index k = r; k < n; ++k) {
      const Index same = equal[at(k - r)];
      if (same >= 0) {
        state.gap += square(std::sqrt(shape.l2) * (theta[f.column(k)] - theta[f.column(same)]));
        continue;
      }
      const double slope = std::abs(f.remainder(k, gradient(k), z.data())) + f.remainder_error(k) * size;
      state.gap += square(slope * (f.length(k) / std::sqrt(m * shape.l2))) / m;
    }
  }
  // Without a penalty it is left out. Parameters that move along the dependences by as much as they are large are as
  // good, and change the energy to first order.
  double slopes = 0, sizes = 0;
  for (Index k = r; k < n && shape.l2 == 0; ++k) slopes = std::hypot(slopes, f.remainder(k, gradient(k), z.data()));
  for (Index k = 0; k < n && slopes > 0; ++k) sizes = std::hypot(sizes, theta[f.column(k)] * f.length(k));
  state.hidden = 2 * (slopes / m) * sizes;
  f.backward(z.data());

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

template <class T>
std::vector<Index> equal_columns(const Shape& shape, const T* X, const Pivoted& f) {
  constexpr double kAlike = 1e-9;
  const Index p = shape.features, r = f.rank();
  const auto equal = [&](Index j, Index k) {
    Index i = 0;
    while (i < shape.rows && (j < p ? X[i * p + j] : T{1}) == (k < p ? X[i * p + k] : T{1})) ++i;
    return i == shape.rows;
  };
  std::vector<Index> result;
  for (Index k = r; k < shape.columns(); ++k) {
    Index i = 0;
    while (i < r && !(std::abs(f.length(i) - f.length(k)) <= kAlike * f.length(k) && equal(f.column(i), f.column(k))))
      ++i;
    result.push_back(i < r ? i : -1);
  }
  return result;
}

template std::vector<Index> equal_columns(const Shape&, const double*, const Pivoted&);
template std::vector<Index> equal_columns(const Shape&, const float*, const Pivoted&);

void shorten(const Shape& shape, const Pivoted& f, const double* mean, bool with_intercept, double* theta) {
  const Index n = shape.columns();
  if (f.rank() == n) return;
  const bool taken_up = shape.centred && with_intercept;
  const auto length = [&](Index k) { return f.length(k); };
  // A free intercept that is not in the norm takes back what the mean of the columns moves by.
  const bool follows = shape.centred && !with_intercept;
  const double fitted = follows ? -residual(-theta[n], mean, theta, n) : 0;
  dependence_of(f, n, length, -1, taken_up ? mean : nullptr, taken_up ? n : -1).shorten(theta);
  if (follows) theta[n] = residual(fitted, mean, theta, n);
}

void share(const Pivoted& f, const std::vector<Index>& equal, double* theta) {
  const Index r = f.rank();
  std::vector<double> sum(at(r)), number(at(r), 1.0);
  for (Index k = 0; k < r; ++k) at(sum, k) = theta[f.column(k)];
  for (std::size_t d = 0; d < equal.size(); ++d) {
    at(sum, equal[d]) += theta[f.column(r + static_cast<Index>(d))];
    at(number, equal[d]) += 1;
  }
  for (Index k = 0; k < r; ++k) theta[f.column(k)] = at(sum, k) / at(number, k);
  for (std::size_t d = 0; d < equal.size(); ++d) theta[f.column(r + static_cast<Index>(d))] = theta[f.column(equal[d])];
}

double error_of_means(const Shape& shape, const std::vector<double>& diagonal) {
  double sum = 0;  // lengths of columns include their means
  for (const double square_of_row : diagonal) sum += std::sqrt(square_of_row);
  return shape.centred ? std::min(kEpsilon * sum, 1.0) : 0;
}

void bound_parameters(const Shape& shape, const Pivoted& f, const double* mean, const std::vector<double>& diagonal,
                      double off, double gap, double* out) {
  const Index n = shape.columns(), r = f.rank();
  if (shape.l2 > 0) std::fill_n(out, n, std::sqrt(gap) / std::sqrt(shape.l2));
  if (r < n) return;
  if (!(off < 1)) return;
  // The inverse of the triangle is rounded.
  const double inverted = 1 + 64 * kEpsilon * f.condition();
  const double reach = inverted * std::sqrt(gap * static_cast<double>(shape.rows) / (1 - off * off));
  std::vector<double> whitened(at(n));
  for (Index k = 0; k < n; ++k) {
    double& own = out[f.column(k)];
    own = std::min(own, reach * std::sqrt(at(diagonal, k)) / f.length(k));
    if (shape.centred) at(whitened, k) = mean[f.column(k)] / f.length(k);
  }
  if (!shape.centred) return;
  f.forward(whitened.data());
  out[n] = std::hypot(std::sqrt(gap), reach * std::sqrt(dot(whitened.data(), whitened.data(), 0, n)));
}

Pivoted factor_of_moments(const Shape& shape, const double* scatter) {
  constexpr double kPoor = 1e5;
  if (scatter == nullptr || !shape.centred) return {};
  Columns triangle = triangle_of_scatter(shape, scatter);
  if (triangle.cols == 0) return {};
  Pivoted factor(shape, std::move(triangle));
  return factor.rank() == shape.columns() && factor.condition() < kPoor ? factor : Pivoted();
}

double rounding_of_parameters(const Shape& shape, const Pivoted& f, const double* mean, const double* theta) {
  const double root = std::sqrt(static_cast<double>(shape.rows));
  double sum = shape.parameters() > shape.features ? std::abs(theta[shape.features]) : 0;
  for (Index k = 0; k < shape.columns(); ++k) {
    const Index j = f.column(k);
    if (j < shape.features) sum += std::abs(theta[j]) * (f.length(k) / root + (shape.centred ? std::abs(mean[j]) : 0));
  }
  return 0.5 * kEpsilon * sum;
}

}  // namespace pyrometer::minimum
