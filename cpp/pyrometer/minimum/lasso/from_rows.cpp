#include "pyrometer/minimum/lasso/from_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/pivoted_qr.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/dense/row_qr.hpp"
#include "pyrometer/minimum/dense/row_sums.hpp"
#include "pyrometer/minimum/dense/vectors.hpp"
#include "pyrometer/minimum/lasso/point.hpp"

namespace pyrometer::minimum {
namespace {

/// min over d of |W d|^2 / 2 - g . d + sum_j weight_j |z_j + d_j|, the columns of W having length 1: the design's,
/// in units of their length.
class ActiveSet {
 public:
  ActiveSet(Columns triangle, Index columns) : design_(std::move(triangle)), columns_(columns) {
    for (Index j = 0; j < columns_; ++j) {
      double* const column = design_.column(j);
      const double length = std::sqrt(dot(column, column, 0, design_.rows));
      length_.push_back(length);
      if (length > 0)
        for (Index i = 0; i < design_.rows; ++i) column[i] /= length;
    }
  }

  [[nodiscard]] double length(Index j) const { return at(length_, j); }
  [[nodiscard]] const Numbers& step() const { return d_; }
  /// The negative gradient of the quadratic part at z + d, and |W d|^2.
  [[nodiscard]] double gradient(Index j) const { return at(gradient_, j); }
  [[nodiscard]] double moved() const { return dot(image_.data(), image_.data(), 0, design_.rows); }

  void minimise(const Numbers& z, const Numbers& gradient, const Numbers& weight) {
    z_ = z, start_gradient_ = gradient, weight_ = weight;
    d_.assign(z.size(), 0.0);
    sign_.clear();
    for (const double value : z) sign_.push_back(sign(value));
    refresh();
    const Index limit = 100 + 20 * columns_;
    for (Index round = 0; round < limit; ++round) {
      base::throw_if_interrupted();
      if (descend() && !enter()) return;
    }
  }

  /// The columns that are active, or at the bound of the penalty up to rounding, and their factor.
  [[nodiscard]] std::vector<Index> active_columns() const {
    std::vector<Index> columns;
    for (Index j = 0; j < columns_; ++j)
      if (at(sign_, j) != 0 || (length(j) > 0 && std::abs(gradient(j)) >= at(weight_, j) - rounding_bound(j)))
        columns.push_back(j);
    return columns;
  }
  [[nodiscard]] Pivoted factor(const std::vector<Index>& columns) const {
    Columns part(design_.rows, static_cast<Index>(columns.size()) + 1);  // without a target
    for (std::size_t i = 0; i < columns.size(); ++i)
      std::copy_n(design_.column(columns[i]), design_.rows, part.column(static_cast<Index>(i)));
    return {{design_.rows, static_cast<Index>(columns.size()), false, false, 0}, std::move(part), nullptr};
  }

  /// The root diagonal of (W'W)^-1 of columns let in, in the order of the pivots of their factor.
  [[nodiscard]] static Numbers roots(const Pivoted& f) {
    Numbers root(at(f.columns()));
    f.inverse_diagonal(root.data());
    for (Index k = 0; k < f.rank(); ++k) at(root, k) = std::sqrt(at(root, k)) / f.length(k);
    return root;
  }

  /// How far errors of the gradients may put z above the minimum, beyond the duality gap; `off` bounds those that are not
  /// rounding. Where the columns let in are independent at second order, |W'^-1 error|^2; else only the penalty bounds
  /// how far the minimiser is.
  [[nodiscard]] double unseen(const std::vector<Index>& columns, const Pivoted& f, const Numbers& root,
                              const Numbers& off) const {
    double sum = 0, most = 0;
    for (Index j = 0; j < columns_; ++j) sum += 2 * (rounding_bound(j) + at(off, j)) * std::abs(at(d_, j));
    if (f.rank() == f.columns()) {
      for (Index k = 0; k < f.columns(); ++k) {
        const Index j = columns[at(f.column(k))];
        most += at(root, k) * (rounding_bound(j) + at(off, j));
      }
      return sum + square(most);
    }
    for (const Index j : columns) most = std::max(most, (rounding_bound(j) + at(off, j)) / at(weight_, j));
    for (const Index j : columns)
      sum += 2 * std::abs(at(z_, j) + at(d_, j)) * (rounding_bound(j) + at(off, j) + most * at(weight_, j));
    return sum;
  }

  // Bounds the distances of z from the minimiser, each in units of its column's; `f` is the factor of `columns`, those
  // let in. The point with the signs of z + d where the gradients of the active columns are their weights differs from
  // z + d by (W'W)^-1 times what these gradients lack, and is the minimiser if its signs are those and no other column has
  // a gradient that reaches its weight. False, and nothing is known, where that is not certain.
  [[nodiscard]] bool bound(const std::vector<Index>& columns, const Pivoted& f, const Numbers& root, const Numbers& off,
                           double* out) const {
    constexpr double kPoor = 1e12;
    if (f.rank() < f.columns() || !(f.condition() < kPoor)) return false;
    const auto own = [&](Index k) { return columns[at(f.column(k))]; };
    double most = 0;  // |W_j . (the change of the residuals)| is no more than this
    for (Index k = 0; k < f.columns(); ++k)
      most += at(root, k) * (std::abs(gradient(own(k)) - at(weight_, own(k)) * at(sign_, own(k))) +
                             rounding_bound(own(k)) + at(off, own(k)));
    std::vector<char> active(at(columns_), 0);
    for (Index j = 0; j < columns_; ++j) out[j] = std::abs(at(z_, j));
    for (Index k = 0; k < f.columns(); ++k) {
      const Index j = own(k);
      active[at(j)] = 1;
      out[j] = at(root, k) * most + std::abs(at(d_, j));
      if (!(at(sign_, j) * (at(z_, j) + at(d_, j)) > at(root, k) * most)) return false;
    }
    for (Index j = 0; j < columns_; ++j)
      if (active[at(j)] == 0 && length(j) > 0 &&
          !(std::abs(gradient(j)) + rounding_bound(j) + at(off, j) + most < at(weight_, j)))
        return false;
    return true;
  }

 private:
  // Rounding error bound of a gradient.
  [[nodiscard]] double rounding_bound(Index j) const {
    return 4 * kEpsilon *
           (std::abs(at(start_gradient_, j)) + at(weight_, j) + std::sqrt(static_cast<double>(columns_)) * size_);
  }

  void refresh() {
    image_.assign(at(design_.rows), 0.0);
    for (Index j = 0; j < columns_; ++j)
      if (at(d_, j) != 0) subtract(image_.data(), -at(d_, j), design_.column(j), 0, design_.rows);
    size_ = std::sqrt(moved());
    gradient_ = start_gradient_;
    for (Index j = 0; j < columns_; ++j) at(gradient_, j) -= dot(design_.column(j), image_.data(), 0, design_.rows);
  }

  // Takes the step for the current signs, or the part of it up to the first coordinate that reaches 0 and leaves.
  // Returns whether the minimum for these signs is reached.
  bool descend() {
    std::vector<Index> active;
    for (Index j = 0; j < columns_; ++j)
      if (at(sign_, j) != 0) active.push_back(j);
    if (active.empty()) return true;
    const Pivoted f = factor(active);
    const auto own = [&](Index k) { return active[at(f.column(k))]; };
    const Index size = static_cast<Index>(active.size());
    Numbers direction(at(size));  // in the order of the pivots
    if (f.rank() < size) {
      // Along a null vector only the penalty changes, at a constant rate until a sign changes.
      Numbers made(at(size));
      f.dependence(f.rank(), made.data());
      at(direction, f.rank()) = 1 / f.length(f.rank());
      for (Index k = 0; k < f.rank(); ++k) at(direction, k) = -at(made, k) / f.length(k);
      double rate = 0;
      for (Index k = 0; k < size; ++k) rate += at(weight_, own(k)) * at(sign_, own(k)) * at(direction, k);
      if (rate == 0) rate = at(direction, f.rank()) * at(sign_, own(f.rank()));
      for (double& value : direction) value *= -sign(rate);
      return advance(active, f, direction, std::numeric_limits<double>::infinity());
    }
    for (Index k = 0; k < size; ++k)
      at(direction, k) = (gradient(own(k)) - at(weight_, own(k)) * at(sign_, own(k))) / f.length(k);
    f.forward(direction.data());
    f.backward(direction.data());
    for (Index k = 0; k < size; ++k) at(direction, k) /= f.length(k);
    return advance(active, f, direction, 1);
  }

  bool advance(const std::vector<Index>& active, const Pivoted& f, const Numbers& direction, double step) {
    Index leaves = -1;
    for (Index k = 0; k < f.columns(); ++k) {
      const Index j = active[at(f.column(k))];
      if (at(direction, k) * at(sign_, j) >= 0) continue;
      const double where = -(at(z_, j) + at(d_, j)) / at(direction, k);
      if (where < step) step = where, leaves = j;
    }
    if (!std::isfinite(step)) return true;
    for (Index k = 0; k < f.columns(); ++k) at(d_, active[at(f.column(k))]) += step * at(direction, k);
    if (leaves >= 0) at(d_, leaves) = -at(z_, leaves), at(sign_, leaves) = 0;
    refresh();
    if (leaves >= 0) return false;
    // Iterative refinement: the step is repeated until it changes nothing but rounding.
    const double change = std::sqrt(dot(direction.data(), direction.data(), 0, f.columns()));
    const double whole = std::sqrt(dot(d_.data(), d_.data(), 0, columns_));
    const bool settled = change <= 1e-10 * whole || ++repeats_ > 3;
    if (settled) repeats_ = 0;
    return settled;
  }

  // Adds the coordinate whose gradient exceeds its weight the most. Returns whether there was one.
  bool enter() {
    Index best = -1;
    double most = 0;
    for (Index j = 0; j < columns_; ++j) {
      if (at(sign_, j) != 0 || length(j) == 0) continue;
      const double excess = std::abs(gradient(j)) - at(weight_, j) - rounding_bound(j);
      if (excess > most) most = excess, best = j;
    }
    if (best >= 0) at(sign_, best) = sign(gradient(best));
    return best >= 0;
  }

  Columns design_;
  Index columns_;
  int repeats_ = 0;
  double size_ = 0;
  Numbers length_, z_, start_gradient_, weight_, d_, sign_, image_, gradient_;
};

/// One system: its rows, their triangular factor, and parallel sums over the rows.
template <class T>
class System {
 public:
  System(const Shape& shape, const Rows<T>& rows, int threads)
      : shape_(shape), rows_(rows), parts_(split(shape)), threads_(threads), set_(triangle(), shape.columns()) {}

  void minimise(double l1, double* theta, const Minima& out, std::size_t slot);

 private:
  [[nodiscard]] Columns triangle() const {
    std::vector<Columns> pieces(at(parts_.chunks.number()));
    base::for_each_chunk(parts_.chunks.number(), threads_, [&](Index piece, int) {
      pieces[at(piece)] =
          triangle_of(shape_, rows_, parts_.chunks.begin(piece), parts_.chunks.end(piece), parts_.block);
    });
    return merged(pieces);
  }
  [[nodiscard]] Sums sums(const double* theta) const {
    std::vector<Sums> pieces(at(parts_.chunks.number()));
    base::for_each_chunk(parts_.chunks.number(), threads_, [&](Index piece, int) {
      pieces[at(piece)] = sums_over(shape_, rows_, theta, parts_.chunks.begin(piece), parts_.chunks.end(piece));
    });
    for (std::size_t piece = 1; piece < pieces.size(); ++piece) pieces[0].add(pieces[piece]);
    return pieces[0];
  }

  Shape shape_;
  Rows<T> rows_;
  Split parts_;
  int threads_;
  ActiveSet set_;
};

template <class T>
void System<T>::minimise(double l1, double* theta, const Minima& out, std::size_t slot) {
  constexpr int kRounds = 10, kPatience = 3;
  constexpr double kLoose = 1e-13;
  int stalled = 0;
  const Index p = shape_.features, n = shape_.columns();
  const double m = static_cast<double>(shape_.rows);
  const auto size = at(n);
  Numbers z(size), gradient(size), weight(size), here(theta, theta + shape_.parameters());
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    for (Index j = 0; j < n; ++j)
      if (set_.length(j) == 0) at(here, j) = 0;
    if (shape_.centred) at(here, p) = residual(rows_.mean[p], rows_.mean, here.data(), p);
    const Sums all = sums(here.data());
    const double total = shape_.centred ? all.total.value() / m : 0;
    double value = all.squares.value() / m;
    for (Index j = 0; j < n; ++j) {
      const double length = set_.length(j), unit = length > 0 ? 1 / length : 0;
      at(z, j) = at(here, j) * length;
      at(gradient, j) = all.gradient_of(shape_, rows_.mean, j).value() * unit;
      at(weight, j) = 0.5 * m * l1 * unit;
      value += l1 * std::abs(at(here, j));
    }
    set_.minimise(z, gradient, weight);

    // The duality gap at theta + d, and how far theta lies above it.
    double squares = all.squares.value() + set_.moved(), above = -set_.moved(), most = 1;
    for (Index j = 0; j < n; ++j) {
      const double d = at(set_.step(), j);
      squares -= 2 * at(gradient, j) * d;
      const double way = sign(at(z, j)), there = at(z, j) + d;  // a difference of sizes would be rounded as they are
      const double shorter = way * there > 0 ? -way * d : std::abs(at(z, j)) - std::abs(there);
      above += 2 * (at(gradient, j) * d + at(weight, j) * shorter);
      if (set_.length(j) > 0) most = std::max(most, std::abs(set_.gradient(j)) / at(weight, j));
    }
    double gap = square(1 - 1 / most) * std::max(squares, 0.0);
    for (Index j = 0; j < n; ++j) {
      const double t = at(z, j) + at(set_.step(), j);
      gap += 2 * std::abs(t) * std::max(at(weight, j) - set_.gradient(j) * sign(t) / most, 0.0);
    }
    gap = (gap + std::abs(above)) / m + square(total);
    require(std::isfinite(gap), "rows must have squares that do not overflow, got a sum that did; rescale the columns");
    const std::vector<Index> columns = set_.active_columns();
    const Pivoted f = set_.factor(columns);
    // The minimiser's residuals have mean 0, those at theta have that of a rounded intercept; and of columns that are
    // centred at rounded means it does not fall out.
    Numbers off(size);
    for (Index j = 0; j < n && shape_.centred; ++j) {
      const double length = set_.length(j), centre = std::abs(rows_.mean[j]) * std::sqrt(m) + length;
      at(off, j) = length > 0 ? 2 * kEpsilon * centre / length * std::sqrt(m) * std::abs(total) : 0;
    }
    const Numbers root = ActiveSet::roots(f);
    const double least = value > 0 || gap > 0 ? Minima::underflow(n) : 0;
    // What rounding hides is less where the step is: the next round starts at its end.
    gap += set_.unseen(columns, f, root, off) / m + least;
    if (!std::isfinite(gap)) gap = std::numeric_limits<double>::infinity();  // nothing is known
    if (round == 0 || gap < best) {
      const bool constant = shape_.constant && !columns.empty() && columns.back() == p;
      const double error = gap + static_cast<double>(n + 2) * kEpsilon * value;
      out.value[slot] = value;
      out.gap[slot] = gap;
      out.relative_error[slot] = error == 0 ? 0 : error / value;
      out.rank[slot] = f.rank() - (constant ? 1 : 0);
      out.condition[slot] = f.rank() < f.columns() ? std::numeric_limits<double>::infinity() : f.condition();
      std::copy(here.begin(), here.end(), theta);
      double* bounds = out.parameter_error.data() + slot * here.size();
      std::fill_n(bounds, here.size(), std::numeric_limits<double>::infinity());
      if (set_.bound(columns, f, root, off, z.data())) {
        double terms = 0, moved = std::abs(total);
        for (Index j = 0; j < n; ++j) {
          bounds[j] = set_.length(j) > 0 ? at(z, j) / set_.length(j) : 0;
          terms += std::abs(at(here, j) * rows_.mean[j]);
          moved += std::abs(rows_.mean[j]) * bounds[j];
        }
        if (shape_.centred) bounds[p] = moved + kEpsilon * (terms + std::abs(rows_.mean[p]));
      }
    }
    // Nearly dependent columns: rounding of theta moves the gap up and down, and a few more rounds find a small one.
    stalled = gap < 0.5 * best ? 0 : stalled + 1;
    best = std::min(best, gap);
    if (gap <= 1e-15 * value || stalled > (best > kLoose * value ? kPatience : 0)) break;
    for (Index j = 0; j < n; ++j)
      if (set_.length(j) > 0) at(here, j) += at(set_.step(), j) / set_.length(j);
  }
}

}  // namespace

template <class T>
void lasso_rows(BasicMatrix<T> X, const T* y, Index systems, const double* mean, bool intercept,
                std::span<const double> weights, bool on_intercept, int threads, const Minima& out) {
  require(systems >= 0 && (systems == 0 ? X.rows == 0 : X.rows % systems == 0 && X.rows >= systems),
          "X must have at least one row for each of ", systems, " systems, got ", X.rows);
  for (const double weight : weights)
    require(std::isfinite(weight) && weight > 0, "l1 must be finite and > 0, got ", weight);
  if (systems == 0) return;
  const bool constant = intercept && on_intercept;
  const Shape shape{X.rows / systems, X.cols, intercept && !constant, constant, 0};
  const Index p = shape.features, n = shape.parameters(), points = static_cast<Index>(weights.size());
  const auto one = [&](Index s, int workers) {
    const Rows<T> rows{X.data + s * shape.rows * p, y + s * shape.rows, mean + s * (p + 1)};
    require_finite(shape, rows, s);
    System<T> system(shape, rows, workers);
    for (Index k = 0; k < points; ++k) {
      const Index slot = s * points + k;
      system.minimise(weights[at(k)], out.parameters.data() + slot * n, out, at(slot));
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
                         int, const Minima&);
template void lasso_rows(BasicMatrix<float>, const float*, Index, const double*, bool, std::span<const double>, bool,
                         int, const Minima&);

}  // namespace pyrometer::minimum
