#include "pyrometer/minimum/lasso/from_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/pivoted_qr.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/row_sums.hpp"
#include "pyrometer/minimum/lasso/active_set.hpp"
#include "pyrometer/minimum/lasso/point.hpp"

namespace pyrometer::minimum {
namespace {

// No gradient is as large: more weight changes nothing.
constexpr double kMostWeight = 1e300;

// The energy at theta and its quadratic model there: see ActiveSet.
struct Evaluation {
  double value, squares, mean;  // of the energy, the sum of squared residuals, the mean of the residuals
  Numbers z, gradient, weight;
};

// The equicorrelated columns at theta + d, their factor and errors of their gradients: see ActiveSet.
struct Certificate {
  std::vector<Index> columns;
  Pivoted factor;
  Numbers root, off;
  double residuals;  // the norm of errors of the residuals
  double gap;        // of theta
};

// Of each column of the design, in units of its length: its mean is rounded, and so are its elements.
Numbers centring_errors(const Shape& shape, const double* mean, const ActiveSet& set) {
  const double root = std::sqrt(static_cast<double>(shape.rows));
  Numbers errors(at(shape.columns()));
  for (Index j = 0; j < shape.columns(); ++j)
    if (const double own = set.length(j); own > 0)
      at(errors, j) = 2 * kEpsilon * (1 + (shape.centred ? std::abs(mean[j]) * root / own : 0));
  return errors;
}

// Errors of the gradients: the minimiser's residuals have mean 0, those at theta have that of a rounded intercept,
// which does not fall out of columns that are centred at rounded means; and these move the gradients at theta + d.
Numbers gradient_errors(const Shape& shape, const ActiveSet& set, const Evaluation& e, const Numbers& centring) {
  const double m = static_cast<double>(shape.rows), root = std::sqrt(m);
  const double all = 0x1p-101 * m * std::sqrt(std::max(e.squares, 0.0));
  double shift = shape.centred ? root * std::abs(e.mean) : 0, steps = 0;
  for (Index j = 0; j < shape.columns(); ++j) {
    shift += at(centring, j) * std::abs(at(set.step(), j));
    steps += std::abs(at(set.step(), j));
  }
  Numbers off;
  for (const double own : centring) off.push_back(all + own * shift + 2 * kEpsilon * steps);
  return off;
}

// Squares of the errors are in the curvature, and all of it where they are no less.
void add_to(Numbers& root, const Pivoted& factor, const std::vector<Index>& columns, const Numbers& centring) {
  double added = 0;
  for (Index k = 0; k < factor.rank(); ++k) added += at(root, k) * at(centring, columns[at(factor.column(k))]);
  const double kept = 1 - square(added);
  for (double& x : root) x = kept > 0 ? x / std::sqrt(kept) : std::numeric_limits<double>::infinity();
}

/// One system: its rows, their triangular factor, and parallel sums over the rows.
template <class T>
class System {
 public:
  System(const Shape& shape, const Rows<T>& rows, int threads)
      : shape_(shape), rows_(rows), parts_(split(shape)), threads_(threads), set_(triangle(), shape.columns()) {}

  // Starts from the parameters of the one slot of `out`.
  void minimise(double l1, const Minima& out);

 private:
  [[nodiscard]] Columns triangle() const {
    std::vector<Columns> pieces(at(parts_.chunks.number()));
    const int inner = pieces.size() == 1 ? threads_ : 1;
    base::for_each_chunk(parts_.chunks.number(), threads_, [&](Index piece, int) {
      pieces[at(piece)] =
          triangle_of(shape_, rows_, parts_.chunks.begin(piece), parts_.chunks.end(piece), parts_.block, inner);
    });
    return merged(pieces, threads_);
  }
  [[nodiscard]] Sums sums(const double* theta) const {
    std::vector<Sums> pieces(at(parts_.chunks.number()));
    base::for_each_chunk(parts_.chunks.number(), threads_, [&](Index piece, int) {
      pieces[at(piece)] = sums_over(shape_, rows_, theta, parts_.chunks.begin(piece), parts_.chunks.end(piece));
    });
    for (std::size_t piece = 1; piece < pieces.size(); ++piece) pieces[0].add(pieces[piece]);
    return pieces[0];
  }
  [[nodiscard]] Evaluation evaluate(double l1, const Numbers& theta) const;
  [[nodiscard]] double duality_gap(const Evaluation& e) const;
  [[nodiscard]] Certificate certify(const Numbers& theta, const Evaluation& e) const;
  [[nodiscard]] double rounded(const Numbers& theta, const Evaluation& e) const;
  [[nodiscard]] double moved(const Numbers& theta, const Evaluation& e) const;
  [[nodiscard]] double most(const Numbers& theta, const Evaluation& e) const;
  void write(const Numbers& theta, const Evaluation& e, const Certificate& certificate, const Minima& out) const;
  void bound(const Numbers& theta, const Evaluation& e, const Certificate& certificate, double* out) const;

  Shape shape_;
  Rows<T> rows_;
  Split parts_;
  int threads_;
  ActiveSet set_;
};

template <class T>
Evaluation System<T>::evaluate(double l1, const Numbers& theta) const {
  const Index n = shape_.columns();
  const double m = static_cast<double>(shape_.rows);
  const Sums all = sums(theta.data());
  Evaluation e{all.squares.value() / m, all.squares.value(), shape_.centred ? all.total.value() / m : 0,
               Numbers(at(n)),          Numbers(at(n)),      Numbers(at(n))};
  for (Index j = 0; j < n; ++j) {
    const double length = set_.length(j), unit = length > 0 ? 1 / length : 0;
    at(e.z, j) = at(theta, j) * length;
    at(e.gradient, j) = all.gradient_of(shape_, rows_.mean, j).value() * unit;
    at(e.weight, j) = std::min(kMostWeight, 0.5 * m * l1 * unit);
    e.value += l1 * std::abs(at(theta, j));
  }
  return e;
}

// The duality gap at theta + d, and how far theta lies above it.
template <class T>
double System<T>::duality_gap(const Evaluation& e) const {
  const Index n = shape_.columns();
  double squares = e.squares + set_.moved(), above = -set_.moved(), most = 1;
  for (Index j = 0; j < n; ++j) {
    const double d = at(set_.step(), j);
    squares -= 2 * at(e.gradient, j) * d;
    const double way = sign(at(e.z, j)), there = at(e.z, j) + d;  // a difference of sizes would be rounded as they are
    const double shorter = way * there > 0 ? -way * d : std::abs(at(e.z, j)) - std::abs(there);
    above += 2 * (at(e.gradient, j) * d + at(e.weight, j) * shorter);
    if (set_.length(j) > 0) most = std::max(most, std::abs(set_.gradient(j)) / at(e.weight, j));
  }
  double gap = square(1 - 1 / most) * std::max(squares, 0.0);
  for (Index j = 0; j < n; ++j) {
    const double t = at(e.z, j) + at(set_.step(), j);
    gap += 2 * std::abs(t) * std::max(at(e.weight, j) - set_.gradient(j) * sign(t) / most, 0.0);
  }
  return (gap + std::abs(above)) / static_cast<double>(shape_.rows) + square(e.mean);
}

// Error of the mean of residuals, or of their products with a column of mean square 1. Weights are rounded when they
// are divided by their mean, which moves it by that share of the residuals' root mean square; sums of two doubles by
// far less, but more than nothing, which decides the signs of parameters that are 0.
template <class T>
double System<T>::rounded(const Numbers& theta, const Evaluation& e) const {
  const double m = static_cast<double>(shape_.rows), share = rows_.weights ? 2 * kEpsilon : 0x1p-101 * m;
  return share * std::sqrt(std::max(e.squares, 0.0) / m) + moved(theta, e);
}

template <class T>
Certificate System<T>::certify(const Numbers& theta, const Evaluation& e) const {
  const double gap = duality_gap(e);
  require(std::isfinite(gap), "rows must have squares that do not overflow, got a sum that did; rescale the columns");
  const Numbers centring = centring_errors(shape_, rows_.mean, set_);
  const double m = static_cast<double>(shape_.rows), residuals = std::sqrt(m) * rounded(theta, e);
  Numbers off = gradient_errors(shape_, set_, e, centring);
  std::vector<Index> columns = set_.equicorrelated(off, residuals);
  Pivoted factor = set_.factor(columns);
  Numbers root = ActiveSet::roots(factor);
  add_to(root, factor, columns, centring);
  const double least = e.value > 0 || gap > 0 ? Minima::underflow(shape_.columns()) : 0;
  const double hidden = set_.hidden(columns, factor, root, off, residuals, gap * m, e.value * m) / m;
  const double all = gap + (hidden + least);
  return {std::move(columns),
          std::move(factor),
          std::move(root),
          std::move(off),
          residuals,
          std::isfinite(all) ? all : std::numeric_limits<double>::infinity()};  // infinite: nothing is known
}

// How far the rounding of sums moves the root of the mean square of the residuals: see sums_over().
template <class T>
double System<T>::moved(const Numbers& theta, const Evaluation& e) const {
  const double root = std::sqrt(static_cast<double>(shape_.rows));
  double terms = shape_.centred ? std::abs(at(theta, shape_.features)) : 0;
  for (Index j = 0; j < shape_.columns(); ++j)
    terms += std::abs(at(e.z, j)) / root + (shape_.centred ? std::abs(at(theta, j) * rows_.mean[j]) : 0);
  return 0x1p-101 * terms;
}

// What the energy at theta is at most, with the rounding of its sums: its gap where no bound below it is known, as no
// energy is negative.
template <class T>
double System<T>::most(const Numbers& theta, const Evaluation& e) const {
  const double by = moved(theta, e);
  return e.value * (1 + static_cast<double>(shape_.columns() + 4) * kEpsilon) + by * (2 * std::sqrt(e.value) + by) +
         Minima::underflow(shape_.columns());
}

template <class T>
void System<T>::write(const Numbers& theta, const Evaluation& e, const Certificate& certificate,
                      const Minima& out) const {
  const auto& [columns, f, root, off, residuals, below] = certificate;
  const double gap = below < e.value || below == 0 ? below : most(theta, e);
  const bool constant = shape_.constant && !columns.empty() && columns.back() == shape_.features;
  const double error = gap + static_cast<double>(shape_.columns() + 2) * kEpsilon * e.value;
  out.value[0] = e.value;
  out.gap[0] = gap;
  out.relative_error[0] = error == 0 ? 0 : error / e.value;
  out.rank[0] = f.rank() - (constant ? 1 : 0);
  out.condition[0] = f.rank() < f.columns() ? std::numeric_limits<double>::infinity() : f.condition();
  std::copy(theta.begin(), theta.end(), out.parameters.begin());
  std::fill(out.parameter_error.begin(), out.parameter_error.end(), std::numeric_limits<double>::infinity());
  // Where a dependence hides as much as the energy, the signs are not certain.
  if (!(gap >= e.value) || gap == 0) bound(theta, e, certificate, out.parameter_error.data());
}

template <class T>
void System<T>::bound(const Numbers& theta, const Evaluation& e, const Certificate& certificate, double* out) const {
  const Index p = shape_.features, n = shape_.columns();
  Numbers distance(at(n));
  if (!set_.bound(certificate.columns, certificate.factor, certificate.root, certificate.off, certificate.residuals,
                  distance.data()))
    return;
  double terms = 0, shift = std::abs(e.mean) + rounded(theta, e);
  for (Index j = 0; j < n; ++j) {
    out[j] = set_.length(j) > 0 ? at(distance, j) / set_.length(j) : 0;
    terms += std::abs(at(theta, j) * rows_.mean[j]);
    shift += std::abs(rows_.mean[j]) * out[j];
  }
  if (shape_.centred) out[p] = shift + kEpsilon * (terms + std::abs(rows_.mean[p]));
}

template <class T>
void System<T>::minimise(double l1, const Minima& out) {
  constexpr int kRounds = 10, kPatience = 3;
  constexpr double kLoose = 1e-13;
  const Index p = shape_.features, n = shape_.columns();
  Numbers theta(out.parameters.begin(), out.parameters.end());
  double best = std::numeric_limits<double>::infinity();
  int stalled = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (Index j = 0; j < n; ++j)
      if (set_.length(j) == 0) at(theta, j) = 0;
    if (shape_.centred) at(theta, p) = residual(rows_.mean[p], rows_.mean, theta.data(), p);
    const Evaluation e = evaluate(l1, theta);
    set_.minimise(e.z, e.gradient, e.weight);
    const Certificate certificate = certify(theta, e);
    const double gap = certificate.gap;
    if (round == 0 || gap < best) write(theta, e, certificate, out);
    // Nearly dependent columns: rounding of theta moves the gap up and down, and a few more rounds find a small one.
    stalled = gap < 0.5 * best ? 0 : stalled + 1;
    best = std::min(best, gap);
    if (gap <= 1e-15 * e.value || stalled > (best > kLoose * e.value ? kPatience : 0)) break;
    // What rounding hides is less where the step is: the next round starts at its end.
    for (Index j = 0; j < n; ++j)
      if (set_.length(j) > 0) at(theta, j) += at(set_.step(), j) / set_.length(j);
  }
}

}  // namespace

template <class T>
void lasso_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, bool intercept,
                std::span<const double> weights, bool on_intercept, int threads, const Minima& out,
                const double* row_weights) {
  require(systems >= 0 && (systems == 0 ? X.rows == 0 : X.rows % systems == 0 && X.rows >= systems),
          "X must have at least one row for each of ", systems, " systems, got ", X.rows);
  for (const double weight : weights)
    require(std::isfinite(weight) && weight > 0, "l1 must be finite and > 0, got ", weight);
  if (systems == 0) return;
  const bool constant = intercept && on_intercept;
  const Shape shape{X.rows / systems, X.cols, intercept && !constant, constant, 0};
  const Index p = shape.features, n = shape.parameters(), points = static_cast<Index>(weights.size());
  const auto one = [&](Index s, int workers) {
    const Rows<T> rows{X.data + s * shape.rows * p, y + s * shape.rows, mean + s * (p + 1),
                       row_weights ? row_weights + s * shape.rows : nullptr};
    require_finite(shape, rows, s);
    System<T> system(shape, rows, workers);
    for (Index k = 0; k < points; ++k) {
      system.minimise(weights[at(k)], out.one(s * points + k, n));
    }
  };
  // Small systems in parallel, large ones one after the other with all threads each.
  if (split(shape).chunks.number() == 1) {
    base::for_each_chunk(systems, threads, [&](Index s, int) { one(s, 1); });
  } else {
    for (Index s = 0; s < systems; ++s) one(s, threads);
  }
}

template void lasso_rows(BasicMatrix<double>, const double*, Index, const double*, bool, std::span<const double>, bool,
                         int, const Minima&, const double*);
template void lasso_rows(BasicMatrix<float>, const float*, Index, const double*, bool, std::span<const double>, bool,
                         int, const Minima&, const double*);

}  // namespace pyrometer::minimum
