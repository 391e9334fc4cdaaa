#include "pyrometer/minimum/faces/smallest_point.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pyrometer/base/interrupt.hpp"

namespace pyrometer::minimum {
namespace {

using Plain = std::vector<double>;

// Weights below this are taken for 0.
constexpr double kLeastWeight = 1e-20;
// All products with the point of smallest norm are at least its squared norm; this fraction of it suffices.
constexpr double kEnough = 0.25;
// Limit of the steps in either precision, times the dimension.
constexpr Index kMostSteps = 100;
// A point below this norm may be 0. Else it is refined, as its square is near the rounding of products with it.
constexpr double kSmall = 1e-12;
// Without a member that has no part in a combination that is 0, the others have a point of this size by their errors.
constexpr double kNear = 1e-6;

/// Double-double numbers as two arrays, of which loops are computed in vectors.
struct Split {
  using value_type = DoubleDouble;

  explicit Split(std::size_t size = 0) : hi(size), lo(size) {}
  [[nodiscard]] std::size_t size() const { return hi.size(); }
  [[nodiscard]] DoubleDouble operator[](std::size_t j) const { return {hi[j], lo[j]}; }

  Plain hi, lo;
};

void set(Plain& x, std::size_t j, double value) { x[j] = value; }
void set(Split& x, std::size_t j, const DoubleDouble& value) { x.hi[j] = value.hi, x.lo[j] = value.lo; }
void resize(Plain& x, std::size_t size) { x.resize(size); }
void resize(Split& x, std::size_t size) { x.hi.resize(size), x.lo.resize(size); }

double high(double x) { return x; }
double high(const DoubleDouble& x) { return x.hi; }
const Plain& high(const Plain& x) { return x; }
const Plain& high(const Split& x) { return x.hi; }

double dot(const double* a, const double* b, Index size) {
  double sum[4] = {};
  Index j = 0;
  for (; j + 4 <= size; j += 4)
    for (Index lane = 0; lane < 4; ++lane) sum[lane] += a[j + lane] * b[j + lane];
  for (; j < size; ++j) sum[0] += a[j] * b[j];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
double dot(const Plain& a, const Plain& b) { return dot(a.data(), b.data(), std::ssize(a)); }

/// b . row i of a. Sums in lanes: of one, each addition waits for the last. The same operations as of DoubleDouble, on
/// vectors.
DoubleDouble dot(const Split& a, Index i, const Split& b) {
  constexpr Index kLanes = 16;
  const Index size = std::ssize(b.hi);
  const double *const ah = a.hi.data() + i * size, *const al = a.lo.data() + i * size, *const bh = b.hi.data(),
                      *const bl = b.lo.data();
  double high[kLanes] = {}, low[kLanes] = {};
  Index j = 0;
  for (; j + kLanes <= size; j += kLanes)
    for (Index k = 0; k < kLanes; ++k) {
      const double xh = ah[j + k], xl = al[j + k], yh = bh[j + k], yl = bl[j + k];
      const double product = xh * yh, error = product_error(xh, yh, product) + (xh * yl + xl * yh);
      const double term = product + error, rest = error - (term - product);
      const double sum = high[k] + term, below = low[k] + rest;
      const double first = base::sum_error(high[k], term, sum) + below, one = sum + first;
      const double second = base::sum_error(low[k], rest, below) + (first - (one - sum));
      high[k] = one + second;
      low[k] = second - (high[k] - one);
    }
  DoubleDouble sum[4];
  for (Index k = 0; k < kLanes; ++k) sum[k % 4] = sum[k % 4] + DoubleDouble(high[k], low[k]);
  for (; j < size; ++j) sum[0] = sum[0] + DoubleDouble(ah[j], al[j]) * DoubleDouble(bh[j], bl[j]);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
DoubleDouble dot(const Split& a, const Split& b) { return dot(a, 0, b); }

/// The first `size` elements of x less those of factor y.
void subtract(Plain& x, double factor, const Plain& y, std::size_t size) {
  for (std::size_t j = 0; j < size; ++j) x[j] -= factor * y[j];
}
[[gnu::flatten]] void subtract(Split& x, const DoubleDouble& factor, const Split& y, std::size_t size) {
  double* const __restrict xh = x.hi.data();
  double* const __restrict xl = x.lo.data();
  const double *const yh = y.hi.data(), *const yl = y.lo.data();
  const DoubleDouble by = -factor;
  for (std::size_t j = 0; j < size; ++j) {
    const DoubleDouble rest = base::fast_sum({xh[j], xl[j]}, by * DoubleDouble(yh[j], yl[j]));
    xh[j] = rest.hi, xl[j] = rest.lo;
  }
}

void divide(Plain& x, double by) {
  for (double& value : x) value /= by;
}
[[gnu::flatten]] void divide(Split& x, const DoubleDouble& by) {
  const DoubleDouble inverse = DoubleDouble(1) / by;
  for (std::size_t j = 0; j < x.size(); ++j) set(x, j, x[j] * inverse);
}

/// (x, y) = (cosine x + sine y, cosine y - sine x).
void turn(double cosine, double sine, Plain& x, Plain& y) {
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double turned = cosine * x[j] + sine * y[j];
    y[j] = cosine * y[j] - sine * x[j];
    x[j] = turned;
  }
}
[[gnu::flatten]] void turn(const DoubleDouble& cosine, const DoubleDouble& sine, Split& x, Split& y) {
  double* const __restrict xh = x.hi.data();
  double* const __restrict xl = x.lo.data();
  double* const __restrict yh = y.hi.data();
  double* const __restrict yl = y.lo.data();
  const DoubleDouble c = cosine, s = sine;
  const std::size_t size = x.size();
  for (std::size_t j = 0; j < size; ++j) {
    const DoubleDouble first(xh[j], xl[j]), second(yh[j], yl[j]);
    const DoubleDouble a = base::fast_sum(c * first, s * second), b = base::fast_sum(c * second, -(s * first));
    xh[j] = a.hi, xl[j] = a.lo, yh[j] = b.hi, yl[j] = b.lo;
  }
}

double largest(const Plain& x) {
  double most = 0;
  for (const double value : x) most = std::max(most, std::abs(value));
  return most;
}

// Sums below this multiple of their terms are taken for 0.
template <class Row>
constexpr double negligible = kVanishing;
template <>
constexpr double negligible<Plain> = 0x1p-40;

/// An affinely independent set of points, and the point of smallest norm in their affine hull.
template <class Row>
class Corral {
 public:
  using Real = typename Row::value_type;
  Corral(const Row& points, Index size) : points_(&points), size_(size) {}

  [[nodiscard]] const std::vector<Index>& members() const { return members_; }
  /// The point of smallest norm, and its weights.
  [[nodiscard]] const Row& point() const { return point_; }
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
      for (std::size_t j = 1; j < triangle_.size(); ++j) set(triangle_[j], 0, triangle_[j][0] - length);
      parts_[0] = parts_[0] + length;
    }
    triangle_.erase(triangle_.begin() + static_cast<std::ptrdiff_t>(begin));
    for (std::size_t j = begin; j < triangle_.size(); ++j)
      if (!rotate(j)) return false;
    subtract(point_, -parts_.back(), basis_.back(), at(size_));
    parts_.pop_back();
    basis_.pop_back();
    weigh();
    return true;
  }
  /// The member whose weight is least in units of its rounding error, if it may be 0 by that; else their number.
  /// `error` is that of the members. About a third of the cube of their number operations.
  [[nodiscard]] std::size_t doubtful(double error) const {
    Plain errors(weights_.size(), 0.0);  // the rows of the inverse of the triangle, the first the sum of the others
    for (std::size_t last = 0; last < triangle_.size(); ++last) {
      Plain x(last + 1, 0.0);
      x[last] = 1;
      double sum = 0;
      for (std::size_t k = last + 1; k-- > 0;) {
        const double part = x[k] / high(triangle_[k])[k];
        subtract(x, part, high(triangle_[k]), k);
        sum += part;
        errors[k + 1] += std::abs(part);
      }
      errors[0] += std::abs(sum);
    }
    std::size_t least = 0;
    for (std::size_t k = 1; k < errors.size(); ++k)
      if (weights_[k] * errors[least] < weights_[least] * errors[k]) least = k;
    const double unit = 4 * static_cast<double>(size_) * kWideRounding + error;
    return weights_[least] > unit * errors[least] ? errors.size() : least;
  }
  /// Corrects the point where it is so small that rounding errors of the basis make its products with the members
  /// differ.
  void refine() {
    const Real first = dot(*points_, members_[0], point_);
    Row move(basis_.size());
    for (std::size_t k = 0; k < basis_.size(); ++k) {
      Real rest = first - dot(*points_, members_[k + 1], point_);
      for (std::size_t j = 0; j < k; ++j) rest = rest - triangle_[k][j] * move[j];
      set(move, k, rest / triangle_[k][k]);
    }
    for (std::size_t k = 0; k < basis_.size(); ++k) {
      subtract(point_, -move[k], basis_[k], at(size_));
      parts_[k] = parts_[k] - move[k];
    }
  }

 private:
  /// Orthogonalises the last member: modified Gram-Schmidt on differences from the first, until a pass removes little.
  /// Double precision is enough for the products of the first pass.
  bool extend() {
    constexpr bool kWide = !std::is_same_v<Real, double>;
    const std::size_t size = at(size_), first = at(members_.front()) * size, last = at(members_.back()) * size;
    Row rest(size), column(basis_.size() + 1);
    if (members_.size() == 1) {
      for (std::size_t j = 0; j < size; ++j) set(rest, j, (*points_)[first + j]);
      point_ = std::move(rest);
      return true;
    }
    for (std::size_t j = 0; j < size; ++j) set(rest, j, (*points_)[last + j] - (*points_)[first + j]);
    const double before = largest(high(rest));
    double most = before;
    for (int pass = 0; pass < 4; ++pass) {
      for (std::size_t k = 0; k < basis_.size(); ++k) {
        const Real part = pass == 0 ? Real(dot(high(basis_[k]), high(rest))) : dot(basis_[k], rest);
        subtract(rest, part, basis_[k], size);
        set(column, k, column[k] + part);
      }
      const double left = largest(high(rest));
      if (pass > 0 && (!kWide || left > most / 16)) break;
      most = left;
    }
    const double length = std::sqrt(high(dot(rest, rest)));
    if (!(length > negligible<Row> * before)) return false;
    // The basis is normalised only approximately: coefficients are divided by its squared norm.
    divide(rest, length);
    const Real correction = Real(1) + (dot(rest, rest) - 1.0) * 0.5;
    divide(rest, correction);
    set(column, basis_.size(), Real(length) * correction);
    const Real part = dot(rest, point_);
    subtract(point_, part, rest, size);
    basis_.push_back(std::move(rest));
    triangle_.push_back(std::move(column));
    parts_.push_back(part);
    return true;
  }

  /// Rotates elements k and k + 1 of the basis so that column k of the triangle has no element k + 1; false if it
  /// vanishes.
  bool rotate(std::size_t k) {
    Row& column = triangle_[k];
    const double length = std::hypot(high(column[k]), high(column[k + 1]));
    if (!(length > negligible<Row> * largest(high(column)))) return false;
    Real cosine = column[k] / length, sine = column[k + 1] / length;
    const Real correction = Real(1) + (cosine * cosine + sine * sine - 1.0) * 0.5;
    cosine = cosine / correction, sine = sine / correction;
    set(column, k, Real(length) * correction);
    resize(column, k + 1);
    const auto turned = [&](const Real& x, const Real& y) {
      return std::pair<Real, Real>(cosine * x + sine * y, cosine * y - sine * x);
    };
    for (std::size_t j = k + 1; j < triangle_.size(); ++j) {
      const auto [x, y] = turned(triangle_[j][k], triangle_[j][k + 1]);
      set(triangle_[j], k, x), set(triangle_[j], k + 1, y);
    }
    turn(cosine, sine, basis_[k], basis_[k + 1]);
    std::tie(parts_[k], parts_[k + 1]) = turned(parts_[k], parts_[k + 1]);
    return true;
  }

  /// Solves R weights = -parts; the first weight is 1 minus the others.
  void weigh() {
    Row x(parts_.size());
    for (std::size_t k = 0; k < parts_.size(); ++k) set(x, k, -parts_[k]);
    Real first = 1;
    weights_.resize(parts_.size() + 1);
    for (std::size_t k = parts_.size(); k-- > 0;) {
      const Real weight = x[k] / triangle_[k][k];
      subtract(x, weight, triangle_[k], k);
      first = first - weight;
      weights_[k + 1] = high(weight);
    }
    weights_[0] = high(first);
  }

  const Row* points_;
  Index size_;
  std::vector<Index> members_;
  std::vector<Row> basis_, triangle_;
  Row point_;
  std::vector<Real> parts_;
  std::vector<double> weights_;
};

/// The point with the smallest product, and that product: in double precision where that decides, else in
/// double-double.
class Least {
 public:
  Least(const Split& points, Index size)
      : points_(points),
        size_(size),
        count_(std::ssize(points.hi) / size),
        columns_(points.size()),
        sums_(at(count_)),
        terms_(at(count_)) {
    for (Index i = 0; i < count_; ++i)
      for (Index j = 0; j < size; ++j) columns_[at(j * count_ + i)] = points.hi[at(i * size + j)];
  }

  void find(const Split& direction) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(terms_.begin(), terms_.end(), 0.0);
    for (Index j = 0; j < size_; ++j) {
      const double* column = columns_.data() + j * count_;
      const double factor = direction.hi[at(j)];
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
        const double exact = dot(points_, i, direction).hi;
        // Below the rounding error of double-double arithmetic it counts as 0.
        sum = std::abs(exact) > static_cast<double>(size_ + 4) * 0x1p-100 * terms ? exact : std::min(exact, 0.0);
      }
      if (sum < product) product = sum, index = i;
    }
  }

  Index index = 0;
  double product = 0;

 private:
  const Split& points_;
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

/// Removes members of the corral whose weights would not be positive. Stops where rounding allows none, or at `added`.
template <class Row>
Step settle(Index added, Corral<Row>& corral, std::vector<double>& weights) {
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
    if (corral.members()[first] == added) return Step::stopped;
    for (std::size_t k = 0; k < aim.size(); ++k) weights[k] += part * (aim[k] - weights[k]);
    weights.erase(weights.begin() + static_cast<std::ptrdiff_t>(first));
    if (!corral.remove(first)) return Step::stopped;
  }
}

/// One step of Wolfe's algorithm: adds the point of smallest product to the corral.
template <class Row>
Step step(Index added, Corral<Row>& corral, std::vector<double>& weights) {
  const std::vector<Index>& members = corral.members();
  if (std::find(members.begin(), members.end(), added) != members.end() || !corral.add(added)) return Step::stopped;
  weights.push_back(0);
  return settle(added, corral, weights);
}

/// The corral that the algorithm finds in double precision: a start for double-double precision.
std::vector<Index> rough_corral(const Plain& rounded, Index size) {
  Corral<Plain> corral(rounded, size);
  RoughLeast least(rounded, size);
  static_cast<void>(corral.add(0));
  std::vector<double> weights{1};
  std::vector<Index> members = corral.members();
  for (Index count = 0; count < kMostSteps * size; ++count) {
    base::throw_if_interrupted();
    const std::vector<double>& point = corral.point();
    if (!(largest(point) > negligible<Plain>)) break;
    least.find(point);
    if (least.product > kEnough * dot(point, point)) break;
    if (step(least.index, corral, weights) == Step::stopped) break;
    members = corral.members();
  }
  return members;
}

/// The corral of these members, if it is one: affinely independent points with positive weights.
bool start(const std::vector<Index>& members, Corral<Split>& corral) {
  for (const Index i : members)
    if (!corral.add(i)) return false;
  return std::all_of(corral.weights().begin(), corral.weights().end(), [](double w) { return w > kLeastWeight; });
}

}  // namespace

SmallestPoint smallest_point(const std::vector<DoubleDouble>& points, Index size, const Redundant& redundant) {
  using Kind = SmallestPoint::Kind;
  SmallestPoint out;
  Split split(points.size());
  for (std::size_t k = 0; k < points.size(); ++k) set(split, k, points[k]);
  Corral<Split> corral(split, size);
  if (!start(rough_corral(split.hi, size), corral)) {
    corral = Corral<Split>(split, size);
    static_cast<void>(corral.add(0));
  }
  std::vector<double> weights = corral.weights();
  Least least(split, size);
  Split point;
  std::vector<Index> doubted;
  bool reduced = false;  // by a member that has no part in a combination that is 0
  bool moved = true;
  for (Index count = 0; moved && count <= kMostSteps * size; ++count) {
    base::throw_if_interrupted();
    out.corral = corral.members();
    const double distance = largest(high(corral.point()));
    if (distance < (reduced ? kNear : kSmall)) {
      if (const Index first = redundant(out.corral); first >= 0) {
        const std::size_t k = at(first) < weights.size() ? at(first) : corral.doubtful(reduced ? distance : 0);
        out.kind = k == weights.size() ? Kind::zero : Kind::undecided;
        if (out.kind == Kind::zero || std::find(doubted.begin(), doubted.end(), out.corral[k]) != doubted.end()) break;
        // Without it the others have a point of smallest norm of their own.
        doubted.push_back(out.corral[k]);
        reduced = at(first) == k;
        weights.erase(weights.begin() + static_cast<std::ptrdiff_t>(k));
        moved = corral.remove(k) && settle<Split>(-1, corral, weights) == Step::moved;
        continue;
      }
      if (distance < kSmall) corral.refine();
    }
    reduced = false;
    point = corral.point();
    least.find(point);
    out.kind = least.product > 0 ? Kind::separates : Kind::undecided;
    moved = least.product <= kEnough * dot(point, point).hi && step(least.index, corral, weights) == Step::moved;
  }
  for (std::size_t j = 0; j < point.size(); ++j) out.point.push_back(point[j]);
  return out;
}

}  // namespace pyrometer::minimum
