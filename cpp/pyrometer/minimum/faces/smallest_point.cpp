#include "pyrometer/minimum/faces/smallest_point.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/base/interrupt.hpp"

namespace pyrometer::minimum {
namespace {

using Wide = std::vector<DoubleDouble>;

// Weights below this are taken for 0.
constexpr double kLeastWeight = 1e-20;
// All products with the point of smallest norm are at least its squared norm; this fraction of it suffices.
constexpr double kEnough = 0.25;
// Limit of the steps in double precision, times the dimension.
constexpr Index kMostRoughSteps = 100;
// When the algorithm stalls, a point below this norm is taken for 0.
constexpr double kStalled = 1e-19;

double high(double x) { return x; }
double high(const DoubleDouble& x) { return x.hi; }

double dot(const double* a, const double* b, Index size) {
  double sum[4] = {};
  Index j = 0;
  for (; j + 4 <= size; j += 4)
    for (Index lane = 0; lane < 4; ++lane) sum[lane] += a[j + lane] * b[j + lane];
  for (; j < size; ++j) sum[0] += a[j] * b[j];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// Sums in lanes: of one, each addition waits for the last. The same operations as of DoubleDouble, on vectors.
DoubleDouble dot(const DoubleDouble* a, const DoubleDouble* b, Index size) {
  constexpr Index kLanes = 16;
  double high[kLanes] = {}, low[kLanes] = {};
  Index j = 0;
  for (; j + kLanes <= size; j += kLanes)
    for (Index k = 0; k < kLanes; ++k) {
      const DoubleDouble x = a[j + k], y = b[j + k];
      const double product = x.hi * y.hi, error = product_error(x.hi, y.hi, product) + (x.hi * y.lo + x.lo * y.hi);
      const double term = product + error, rest = error - (term - product);
      const double sum = high[k] + term, below = low[k] + rest;
      const double first = base::sum_error(high[k], term, sum) + below, one = sum + first;
      const double second = base::sum_error(low[k], rest, below) + (first - (one - sum));
      high[k] = one + second;
      low[k] = second - (high[k] - one);
    }
  DoubleDouble sum[4];
  for (Index k = 0; k < kLanes; ++k) sum[k % 4] = sum[k % 4] + DoubleDouble(high[k], low[k]);
  for (; j < size; ++j) sum[0] = sum[0] + a[j] * b[j];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

template <class Real>
double largest(const std::vector<Real>& x) {
  double most = 0;
  for (const Real& value : x) most = std::max(most, std::abs(high(value)));
  return most;
}

// Sums below this multiple of their terms are taken for 0.
template <class Real>
constexpr double negligible = kVanishing;
template <>
constexpr double negligible<double> = 0x1p-40;

/// An affinely independent set of points, and the point of smallest norm in their affine hull.
template <class Real>
class Corral {
 public:
  using Reals = std::vector<Real>;
  Corral(const Reals& points, Index size) : points_(&points), size_(size) {}

  [[nodiscard]] const std::vector<Index>& members() const { return members_; }
  /// The point of smallest norm, and its weights.
  [[nodiscard]] const Reals& point() const { return point_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

  /// False if the points are not affinely independent.
  bool add(Index i) {
    members_.push_back(i);
    if (!extend()) return false;
    weigh();
    return true;
  }
  /// The same of the others without member k: the triangle less its column is made triangular again by rotations, and
  /// the last element of the basis is no longer needed. About 4 `size` (members - k) operations.
  bool remove(std::size_t k) {
    const bool first = k == 0;
    members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(k));
    const std::size_t begin = first ? 0 : k - 1;
    if (first) {  // differences are from the next member
      const Real length = triangle_[0][0];
      for (std::size_t j = 1; j < triangle_.size(); ++j) triangle_[j][0] = triangle_[j][0] - length;
      parts_[0] = parts_[0] + length;
    }
    triangle_.erase(triangle_.begin() + static_cast<std::ptrdiff_t>(begin));
    for (std::size_t j = begin; j < triangle_.size(); ++j)
      if (!rotate(j)) return false;
    for (std::size_t j = 0; j < point_.size(); ++j) point_[j] = point_[j] + parts_.back() * basis_.back()[j];
    parts_.pop_back();
    basis_.pop_back();
    weigh();
    return true;
  }

 private:
  [[nodiscard]] const Real* row(Index i) const { return points_->data() + i * size_; }

  /// Orthogonalises the last member: modified Gram-Schmidt on differences from the first.
  bool extend() {
    const Real* first = row(members_.front());
    if (members_.size() == 1) {
      point_.assign(first, first + size_);
      return true;
    }
    Reals rest(at(size_)), column(basis_.size() + 1);
    for (Index j = 0; j < size_; ++j) rest[at(j)] = row(members_.back())[j] - first[j];
    const double before = largest(rest);
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t k = 0; k < basis_.size(); ++k) {
        const Real part = dot(basis_[k].data(), rest.data(), size_);
        for (std::size_t j = 0; j < rest.size(); ++j) rest[j] = rest[j] - part * basis_[k][j];
        column[k] = column[k] + part;
      }
    }
    const double length = std::sqrt(high(dot(rest.data(), rest.data(), size_)));
    if (!(length > negligible<Real> * before)) return false;
    // The basis is normalised only approximately: coefficients are divided by its squared norm.
    for (Real& x : rest) x = x / length;
    const Real square = dot(rest.data(), rest.data(), size_);
    for (Real& x : rest) x = x / (Real(1) + (square - 1.0) * 0.5);
    column.back() = Real(length) * (Real(1) + (square - 1.0) * 0.5);
    const Real part = dot(rest.data(), point_.data(), size_);
    for (std::size_t j = 0; j < point_.size(); ++j) point_[j] = point_[j] - part * rest[j];
    basis_.push_back(std::move(rest));
    triangle_.push_back(std::move(column));
    parts_.push_back(part);
    return true;
  }

  /// Rotates elements k and k + 1 of the basis so that column k of the triangle has no element k + 1; false if it
  /// vanishes.
  bool rotate(std::size_t k) {
    Reals& column = triangle_[k];
    const double length = std::hypot(high(column[k]), high(column[k + 1]));
    if (!(length > negligible<Real> * largest(column))) return false;
    Real cosine = column[k] / length, sine = column[k + 1] / length;
    const Real correction = Real(1) + (cosine * cosine + sine * sine - 1.0) * 0.5;
    cosine = cosine / correction, sine = sine / correction;
    column[k] = Real(length) * correction;
    column.pop_back();
    const auto turn = [&](Real& x, Real& y) {
      const Real turned = cosine * x + sine * y;
      y = cosine * y - sine * x;
      x = turned;
    };
    for (std::size_t j = k + 1; j < triangle_.size(); ++j) turn(triangle_[j][k], triangle_[j][k + 1]);
    for (std::size_t j = 0; j < point_.size(); ++j) turn(basis_[k][j], basis_[k + 1][j]);
    turn(parts_[k], parts_[k + 1]);
    return true;
  }

  /// Solves R weights = -parts; the first weight is 1 minus the others.
  void weigh() {
    Reals x;
    for (const Real& part : parts_) x.push_back(-part);
    Real first = 1;
    for (std::size_t k = x.size(); k-- > 0;) {
      const Reals& column = triangle_[k];
      x[k] = x[k] / column[k];
      for (std::size_t j = 0; j < k; ++j) x[j] = x[j] - column[j] * x[k];
      first = first - x[k];
    }
    weights_.assign(1, high(first));
    for (const Real& weight : x) weights_.push_back(high(weight));
  }

  const Reals* points_;
  Index size_;
  std::vector<Index> members_;
  std::vector<Reals> basis_, triangle_;
  Reals point_, parts_;
  std::vector<double> weights_;
};

/// The point with the smallest product, and that product: in double precision where that decides, else in
/// double-double.
class Least {
 public:
  Least(const Wide& points, Index size)
      : points_(points),
        size_(size),
        count_(std::ssize(points) / size),
        columns_(points.size()),
        sums_(at(count_)),
        terms_(at(count_)) {
    for (Index i = 0; i < count_; ++i)
      for (Index j = 0; j < size; ++j) columns_[at(j * count_ + i)] = points[at(i * size + j)].hi;
  }

  void find(const Wide& direction) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(terms_.begin(), terms_.end(), 0.0);
    for (Index j = 0; j < size_; ++j) {
      const double* column = columns_.data() + j * count_;
      const double factor = direction[at(j)].hi;
      for (Index i = 0; i < count_; ++i) {
        const double term = column[i] * factor;
        sums_[at(i)] += term;
        terms_[at(i)] += std::abs(term);
      }
    }
    index = 0;
    product = INFINITY;
    for (Index i = 0; i < count_; ++i) {
      double sum = sums_[at(i)];
      const double terms = terms_[at(i)], error = static_cast<double>(size_ + 4) * kUnit * terms;
      if (std::abs(sum) <= error) {
        if (sum - 2 * error > product) continue;
        const double exact = dot(points_.data() + i * size_, direction.data(), size_).hi;
        // Below the rounding error of double-double arithmetic it counts as 0.
        sum = std::abs(exact) > static_cast<double>(size_ + 4) * 0x1p-100 * terms ? exact : std::min(exact, 0.0);
      }
      if (sum < product) product = sum, index = i;
    }
  }

  Index index = 0;
  double product = 0;

 private:
  const Wide& points_;
  Index size_, count_;
  std::vector<double> columns_, sums_, terms_;
};

/// The same in double precision alone.
class RoughLeast {
 public:
  RoughLeast(const std::vector<double>& points, Index size)
      : size_(size), count_(std::ssize(points) / size), columns_(points.size()), products_(at(count_)) {
    for (Index i = 0; i < count_; ++i)
      for (Index j = 0; j < size; ++j) columns_[at(j * count_ + i)] = points[at(i * size + j)];
  }

  void find(const std::vector<double>& direction) {
    std::fill(products_.begin(), products_.end(), 0.0);
    for (Index j = 0; j < size_; ++j) {
      const double* column = columns_.data() + j * count_;
      for (Index i = 0; i < count_; ++i) products_[at(i)] += column[i] * direction[at(j)];
    }
    index = std::min_element(products_.begin(), products_.end()) - products_.begin();
    product = products_[at(index)];
  }

  Index index = 0;
  double product = 0;

 private:
  Index size_, count_;
  std::vector<double> columns_, products_;
};

enum class Step { moved, stopped };

/// One step of Wolfe's algorithm: adds the point of smallest product to the corral, and removes those whose weights
/// would not be positive. Stops where rounding allows none.
template <class Real>
Step step(Index added, Corral<Real>& corral, std::vector<double>& weights) {
  const std::vector<Index>& members = corral.members();
  if (std::find(members.begin(), members.end(), added) != members.end() || !corral.add(added)) return Step::stopped;
  weights.push_back(0);
  for (;;) {
    const std::vector<double>& aim = corral.weights();
    // As far towards the target as weights stay positive.
    std::size_t first = aim.size();
    double part = 1;
    for (std::size_t k = 0; k < aim.size(); ++k) {
      if (aim[k] > kLeastWeight) continue;
      const double room = weights[k] / std::max(weights[k] - aim[k], kLeastWeight);
      if (first == aim.size() || room < part) part = room, first = k;
    }
    if (first == aim.size()) {
      weights = aim;
      return Step::moved;
    }
    if (members[first] == added) return Step::stopped;
    for (std::size_t k = 0; k < aim.size(); ++k) weights[k] += part * (aim[k] - weights[k]);
    weights.erase(weights.begin() + static_cast<std::ptrdiff_t>(first));
    if (!corral.remove(first)) return Step::stopped;
  }
}

/// The corral that the algorithm finds in double precision: a start for double-double precision.
std::vector<Index> rough_corral(const Wide& points, Index size) {
  std::vector<double> rounded(points.size());
  std::transform(points.begin(), points.end(), rounded.begin(), [](const DoubleDouble& x) { return x.hi; });
  Corral<double> corral(rounded, size);
  RoughLeast least(rounded, size);
  static_cast<void>(corral.add(0));
  std::vector<double> weights{1};
  std::vector<Index> members = corral.members();
  for (Index count = 0; count < kMostRoughSteps * size; ++count) {
    base::throw_if_interrupted();
    const std::vector<double>& point = corral.point();
    if (!(largest(point) > negligible<double>)) break;
    least.find(point);
    if (least.product > kEnough * dot(point.data(), point.data(), size)) break;
    if (step(least.index, corral, weights) == Step::stopped) break;
    members = corral.members();
  }
  return members;
}

/// The corral of these members, if it is one: affinely independent points with positive weights.
bool start(const std::vector<Index>& members, Corral<DoubleDouble>& corral) {
  for (const Index i : members)
    if (!corral.add(i)) return false;
  return std::all_of(corral.weights().begin(), corral.weights().end(), [](double w) { return w > kLeastWeight; });
}

}  // namespace

SmallestPoint smallest_point(const std::vector<DoubleDouble>& points, Index size) {
  using Kind = SmallestPoint::Kind;
  SmallestPoint out;
  Corral<DoubleDouble> corral(points, size);
  if (!start(rough_corral(points, size), corral)) {
    corral = Corral<DoubleDouble>(points, size);
    static_cast<void>(corral.add(0));
  }
  std::vector<double> weights = corral.weights();
  Least least(points, size);
  do {
    base::throw_if_interrupted();
    out.point = corral.point();
    out.corral = corral.members();
    if (largest(out.point) <= kVanishing) return out.kind = Kind::zero, out;
    least.find(out.point);
    const double square = dot(out.point.data(), out.point.data(), size).hi;
    out.kind = least.product > 0 ? Kind::separates : largest(out.point) <= kStalled ? Kind::zero : Kind::undecided;
    if (least.product > kEnough * square) return out;
  } while (step(least.index, corral, weights) == Step::moved);
  return out;
}

}  // namespace pyrometer::minimum
