#include "pyrometer/minimum/absolute/simplex.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "pyrometer/minimum/absolute/inverse.hpp"
#include "pyrometer/minimum/absolute/kernels.hpp"

namespace pyrometer::minimum::absolute {
namespace {

constexpr double kDualSlack = 1e-11;
constexpr Index kRefresh = 40;
// Refreshed energies in a row that are not below all before: where residuals are rounding, pivots have no end.
constexpr Index kStalled = 10;

class Simplex {
 public:
  Simplex(const Rows& rows, ExecutionContext context)
      : rows_(rows),
        context_(context),
        n_(rows.columns),
        m_(rows.count),
        y_(rows.y.data()),
        r_(at(rows.blocks() * kBlock)),
        u_(r_.size()),
        g_(at(n_)),
        d_(at(n_)),
        v_(at(n_)),
        z_(at(n_)) {}

  Vertex run(const Vec& phi, bool near) {
    Vertex out;
    phi_ = phi;
    product(phi_.data(), r_, y_);
    if (first_basis(near ? 1e-6 : 0.2) && refresh()) {
      out.optimal = descend(out.pivots);
    } else {
      basis_.clear();
    }
    out.phi = phi_;
    out.basis = basis_;
    out.signs.assign(at(m_), 0);
    for (Index i = 0; i < m_; ++i) out.signs[at(i)] = static_cast<std::int8_t>(sign_of(r_[at(i)]));
    for (const Index i : basis_) out.signs[at(i)] = 0;
    return out;
  }

 private:
  // Pivots along the steepest edges; true at an optimal vertex. A singular basis is dropped.
  bool descend(Index& pivots) {
    const Index most = 200 + 60 * n_ + 4 * m_;
    Index since = 0, stalled = 0;
    double least = std::numeric_limits<double>::infinity();
    for (; pivots < most; ++pivots) {
      if (pivots % 16 == 0) context_.check_interrupt();
      Index k = steepest();
      if (k < 0 || since >= kRefresh) {
        if (since > 0 && !refresh()) {
          basis_.clear();
          return false;
        }
        since = 0;
        k = steepest();
        if (k < 0) return true;
        stalled = energy_ < least ? 0 : stalled + 1;
        least = std::min(least, energy_);
        if (stalled == kStalled) return false;
      }
      if (!pivot(k)) return false;
      ++since;
    }
    return false;
  }

  void product(const double* v, Vec& out, const double* y) const {
    for (Index b = 0; b < rows_.blocks(); ++b)
      residuals(rows_.block(b, nullptr).x, y ? y + b * kBlock : nullptr, n_, v, out.data() + b * kBlock);
  }

  // n linearly independent rows of small residual: in order of |r| those that add at least `part` of their length to
  // the span; then, for each missing direction, the row whose residual vanishes first along it.
  bool first_basis(double part) {
    Vec size(at(m_));
    Indices order(at(m_));
    std::iota(order.begin(), order.end(), Index{0});
    for (Index i = 0; i < m_; ++i) size[at(i)] = std::abs(r_[at(i)]);
    const auto smaller = [&](Index a, Index b) {
      return size[at(a)] < size[at(b)] || (size[at(a)] == size[at(b)] && a < b);
    };
    const Index near = std::min(m_, 8 * n_);
    std::nth_element(order.begin(), order.begin() + (near - 1), order.end(), smaller);
    std::sort(order.begin(), order.begin() + near, smaller);
    Vec span;
    basis_.clear();
    for (Index t = 0; t < near && static_cast<Index>(basis_.size()) < n_; ++t) {
      rows_.row(order[at(t)], z_.data());
      extend(span, part, order[at(t)]);
    }
    while (static_cast<Index>(basis_.size()) < n_) {
      missing_direction(span);
      product(v_.data(), u_, nullptr);
      double largest = 0, nearest = std::numeric_limits<double>::infinity();
      Index row = -1;
      for (Index i = 0; i < m_; ++i) largest = std::max(largest, std::abs(u_[at(i)]));
      for (Index i = 0; i < m_; ++i) {
        const double u = std::abs(u_[at(i)]);
        if (u < 0.1 * largest || u < 1e-9 || size[at(i)] >= nearest * u) continue;
        nearest = size[at(i)] / u;
        row = i;
      }
      if (row < 0) return false;
      rows_.row(row, z_.data());
      if (!extend(span, 1e-11, row)) return false;
    }
    return true;
  }

  // Adds z_ to the span and its row to the basis if more than `threshold` of its length is orthogonal to the span.
  bool extend(Vec& span, double threshold, Index row) {
    const double length = std::sqrt(std::inner_product(z_.begin(), z_.end(), z_.begin(), 0.0));
    const double rest = project(span, z_);
    if (!(rest > threshold * length)) return false;
    for (double& value : z_) value /= rest;
    span.insert(span.end(), z_.begin(), z_.end());
    basis_.push_back(row);
    return true;
  }

  // Projects v onto the orthogonal complement of the span; returns its length.
  double project(const Vec& span, Vec& v) const {
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t q = 0; q < span.size(); q += at(n_)) {
        const double part = dot(span.data() + q, v.data(), n_);
        for (Index j = 0; j < n_; ++j) v[at(j)] -= part * span[q + at(j)];
      }
    }
    return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
  }

  // v_ = a unit vector orthogonal to the span, from the axis with the smallest projection onto it.
  void missing_direction(const Vec& span) {
    Index axis = 0;
    double least = std::numeric_limits<double>::infinity();
    for (Index j = 0; j < n_; ++j) {
      double inside = 0;
      for (std::size_t q = 0; q < span.size(); q += at(n_)) inside += span[q + at(j)] * span[q + at(j)];
      if (inside < least) least = inside, axis = j;
    }
    std::fill(v_.begin(), v_.end(), 0.0);
    v_[at(axis)] = 1;
    const double rest = project(span, v_);
    for (double& value : v_) value /= rest;
  }

  // Recomputes the inverse, phi, residuals, signs and the gradient from the basis alone.
  bool refresh() {
    Vec z(at(n_ * n_));
    for (Index k = 0; k < n_; ++k) rows_.row(basis_[at(k)], z.data() + k * n_);
    if (!invert(z, n_, w_)) return false;
    phi_.assign(at(n_), 0.0);
    for (Index k = 0; k < n_; ++k)
      for (Index j = 0; j < n_; ++j) phi_[at(j)] += w_[at(k * n_ + j)] * y_[basis_[at(k)]];
    product(phi_.data(), r_, y_);
    for (const Index i : basis_) r_[at(i)] = 0;
    energy_ = 0;
    for (Index i = 0; i < m_; ++i) energy_ += std::abs(r_[at(i)]);
    std::vector<LaneSum> sum(at(n_));
    for (Index b = 0; b < rows_.blocks(); ++b) {
      double s[kBlock];
      for (Index l = 0; l < kBlock; ++l) s[l] = sign_of(r_[at(b * kBlock + l)]);
      for (Index j = 0; j < n_; ++j) add_weighed(rows_.block(b, nullptr).x + j * kBlock, s, sum[at(j)].sum);
    }
    for (Index j = 0; j < n_; ++j) g_[at(j)] = total(sum[at(j)].sum);
    return true;
  }

  // d = -W' g; the position in the basis of the edge of steepest descent per unit length, or -1 if none descends.
  Index steepest() {
    Index best = -1;
    double most = 0;
    for (Index k = 0; k < n_; ++k) {
      const double* w = w_.data() + k * n_;
      const double dual = -dot(w, g_.data(), n_), length = dot(w, w, n_);
      d_[at(k)] = dual;
      const double fall = std::abs(dual) - 1;
      if (fall > kDualSlack && fall * fall > most * length) {
        most = fall * fall / length;
        best = k;
      }
    }
    return best;
  }

  struct Zero {
    double t;
    double weight;
    Index row;
  };

  bool pivot(Index k) {
    const double sigma = d_[at(k)] > 0 ? -1.0 : 1.0;
    double* column = w_.data() + k * n_;
    for (Index j = 0; j < n_; ++j) v_[at(j)] = -sigma * column[j];
    product(v_.data(), u_, nullptr);  // u = sigma Z W e_k: residuals change by -t u
    for (const Index i : basis_) u_[at(i)] = 0;
    zeros_.resize(at(m_));
    std::size_t count = 0;
    for (Index i = 0; i < m_; ++i) {
      const double r = r_[at(i)], u = u_[at(i)];
      zeros_[count] = {r, u, i};
      count += r * u > 0 ? 1 : 0;
    }
    zeros_.resize(count);
    for (Zero& zero : zeros_) zero = {zero.t / zero.weight, std::abs(zero.weight), zero.row};
    const std::size_t stop = weighted_median(0.5 * (std::abs(d_[at(k)]) - 1));
    if (stop == zeros_.size()) return false;
    const Zero entering = zeros_[stop];
    const Index leaving = basis_[at(k)], enters = entering.row;

    for (std::size_t c = 0; c < stop; ++c) move_sign(zeros_[c].row, -2 * sign_of(r_[at(zeros_[c].row)]));
    move_sign(enters, -sign_of(r_[at(enters)]));
    move_sign(leaving, -sigma);
    for (std::size_t i = 0; i < r_.size(); ++i) r_[i] -= entering.t * u_[i];
    // The signs of rows just passed, and of the leaving one, must be those that the dual assumes.
    r_[at(leaving)] = -sigma * entering.t;
    r_[at(enters)] = 0;
    for (Index j = 0; j < n_; ++j) phi_[at(j)] += entering.t * sigma * column[j];

    rows_.row(enters, z_.data());
    double own = 0;
    for (Index j = 0; j < n_; ++j) own += z_[at(j)] * column[j];
    for (Index j = 0; j < n_; ++j) column[j] /= own;
    for (Index c = 0; c < n_; ++c) {
      if (c == k) continue;
      double* other = w_.data() + c * n_;
      const double part = dot(z_.data(), other, n_);
      for (Index j = 0; j < n_; ++j) other[j] -= part * column[j];
    }
    basis_[at(k)] = enters;
    return true;
  }

  void move_sign(Index row, double by) {
    rows_.row(row, z_.data());
    for (Index j = 0; j < n_; ++j) g_[at(j)] += by * z_[at(j)];
  }

  // The weighted median: partitions zeros_ so that those before the returned place come first along the edge, and
  // together with the one at that place their weights reach `need`. Quickselect, O(m) on average.
  std::size_t weighted_median(double need) {
    std::size_t low = 0, high = zeros_.size();
    const auto before = [](const Zero& a, const Zero& b) { return a.t < b.t || (a.t == b.t && a.row < b.row); };
    double have = 0;
    bool reached = false;  // in another order the same weights may sum to less than `need` by rounding
    while (high - low > 1) {
      // The median is usually near the beginning.
      const std::size_t size = high - low, middle = low + (size > 64 ? size / 8 : size / 2);
      const auto begin = zeros_.begin();
      std::nth_element(begin + static_cast<std::ptrdiff_t>(low), begin + static_cast<std::ptrdiff_t>(middle),
                       begin + static_cast<std::ptrdiff_t>(high), before);
      double part = 0;
      for (std::size_t c = low; c < middle; ++c) part += zeros_[c].weight;
      if (have + part >= need) {
        high = middle;
        reached = true;
      } else {
        have += part;
        low = middle;
      }
    }
    if (low == zeros_.size()) return low;
    return reached || have + zeros_[low].weight >= need ? low : zeros_.size();
  }

  const Rows& rows_;
  ExecutionContext context_;
  Index n_, m_;
  const double* y_;
  double energy_ = 0;  // sum |r|
  Vec r_, u_, g_, d_, v_, z_, w_, phi_;
  Indices basis_;
  std::vector<Zero> zeros_;
};

}  // namespace

void jitter(Rows& rows, const Indices& origin, double size) {
  for (Index i = 0; i < rows.count; ++i) rows.y[at(i)] += size * jitter_of(origin[at(i)]);
}

Vertex simplex(const Rows& rows, const Vec& phi, bool near, ExecutionContext context) {
  return Simplex(rows, context).run(phi, near);
}

}  // namespace pyrometer::minimum::absolute
