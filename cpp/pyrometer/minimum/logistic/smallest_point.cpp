#include "pyrometer/minimum/logistic/smallest_point.hpp"

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
// When the algorithm stalls, a point below this norm is taken for 0.
constexpr double kStalled = 1e-19;

DoubleDouble dot(const DoubleDouble* a, const DoubleDouble* b, Index size) {
  DoubleDouble sum;
  for (Index j = 0; j < size; ++j) sum = sum + a[j] * b[j];
  return sum;
}

double largest(const Wide& x) {
  double most = 0;
  for (const DoubleDouble& value : x) most = std::max(most, std::abs(value.hi));
  return most;
}

/// An affinely independent set of points, and the point of smallest norm in their affine hull.
class Corral {
 public:
  Corral(const Wide& points, Index size) : points_(points), size_(size) {}

  [[nodiscard]] const std::vector<Index>& members() const { return members_; }
  /// The point of smallest norm, and its weights.
  [[nodiscard]] const Wide& point() const { return points_so_far_.back(); }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

  /// False if the points are not affinely independent.
  bool add(Index i) {
    members_.push_back(i);
    if (!extend()) return false;
    weigh();
    return true;
  }
  bool remove(std::size_t k) {
    members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(k));
    std::vector<Index> again(members_.begin() + static_cast<std::ptrdiff_t>(k), members_.end());
    members_.resize(k);
    points_so_far_.resize(k);
    basis_.resize(k ? k - 1 : 0);
    triangle_.resize(basis_.size());
    parts_.resize(basis_.size());
    for (const Index i : again) {
      members_.push_back(i);
      if (!extend()) return false;
    }
    weigh();
    return true;
  }

 private:
  [[nodiscard]] const DoubleDouble* row(Index i) const { return points_.data() + i * size_; }

  /// Orthogonalises the last member: modified Gram-Schmidt on differences from the first.
  bool extend() {
    const DoubleDouble* first = row(members_.front());
    if (members_.size() == 1) {
      points_so_far_.assign(1, Wide(first, first + size_));
      return true;
    }
    Wide rest(at(size_)), column(basis_.size() + 1);
    for (Index j = 0; j < size_; ++j) rest[at(j)] = row(members_.back())[j] - first[j];
    const double before = largest(rest);
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t k = 0; k < basis_.size(); ++k) {
        const DoubleDouble part = dot(basis_[k].data(), rest.data(), size_);
        for (std::size_t j = 0; j < rest.size(); ++j) rest[j] = rest[j] - part * basis_[k][j];
        column[k] = column[k] + part;
      }
    }
    const double length = std::sqrt(dot(rest.data(), rest.data(), size_).hi);
    if (!(length > kVanishing * before)) return false;
    // The basis is normalised only approximately: coefficients are divided by its squared norm.
    for (DoubleDouble& x : rest) x = x / length;
    const DoubleDouble square = dot(rest.data(), rest.data(), size_);
    for (DoubleDouble& x : rest) x = x / (DoubleDouble(1) + (square - 1.0) * 0.5);
    column.back() = DoubleDouble(length) * (DoubleDouble(1) + (square - 1.0) * 0.5);
    Wide point = points_so_far_.back();
    const DoubleDouble part = dot(rest.data(), point.data(), size_);
    for (std::size_t j = 0; j < point.size(); ++j) point[j] = point[j] - part * rest[j];
    basis_.push_back(std::move(rest));
    triangle_.push_back(std::move(column));
    parts_.push_back(part);
    points_so_far_.push_back(std::move(point));
    return true;
  }

  /// Solves R weights = -parts; the first weight is 1 minus the others.
  void weigh() {
    const std::size_t n = basis_.size();
    Wide x(n);
    DoubleDouble first = 1;
    for (std::size_t k = n; k-- > 0;) {
      DoubleDouble sum = -parts_[k];
      for (std::size_t j = k + 1; j < n; ++j) sum = sum - triangle_[j][k] * x[j];
      x[k] = sum / triangle_[k][k];
      first = first - x[k];
    }
    weights_.assign(1, first.hi);
    for (const DoubleDouble& weight : x) weights_.push_back(weight.hi);
  }

  const Wide& points_;
  Index size_;
  std::vector<Index> members_;
  std::vector<Wide> basis_, triangle_, points_so_far_;
  Wide parts_;
  std::vector<double> weights_;
};

/// The point with the smallest product, and that product: in double precision where that decides, else in
/// double-double.
class Least {
 public:
  Least(const Wide& points, Index size) : points_(points), size_(size), count_(std::ssize(points) / size) {}

  void find(const Wide& direction) {
    index = 0;
    product = INFINITY;
    for (Index i = 0; i < count_; ++i) {
      const DoubleDouble* row = points_.data() + i * size_;
      double sum = 0, terms = 0;
      for (Index j = 0; j < size_; ++j) {
        const double term = row[j].hi * direction[at(j)].hi;
        sum += term;
        terms += std::abs(term);
      }
      if (std::abs(sum) <= static_cast<double>(size_ + 4) * kUnit * terms) {
        const double exact = dot(row, direction.data(), size_).hi;
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
};

}  // namespace

SmallestPoint smallest_point(const std::vector<DoubleDouble>& points, Index size) {
  using Kind = SmallestPoint::Kind;
  SmallestPoint out;
  Corral corral(points, size);
  Least least(points, size);
  static_cast<void>(corral.add(0));
  std::vector<double> weights{1};
  for (;;) {
    base::throw_if_interrupted();
    out.point = corral.point();
    out.corral = corral.members();
    if (largest(out.point) <= kVanishing) return out.kind = Kind::zero, out;
    least.find(out.point);
    const double square = dot(out.point.data(), out.point.data(), size).hi;
    out.kind = least.product > 0 ? Kind::separates : largest(out.point) <= kStalled ? Kind::zero : Kind::undecided;
    if (least.product > kEnough * square) return out;
    if (std::find(out.corral.begin(), out.corral.end(), least.index) != out.corral.end()) return out;
    if (!corral.add(least.index)) return out;
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
        break;
      }
      if (corral.members()[first] == least.index) return out;
      for (std::size_t k = 0; k < aim.size(); ++k) weights[k] += part * (aim[k] - weights[k]);
      weights.erase(weights.begin() + static_cast<std::ptrdiff_t>(first));
      if (!corral.remove(first)) return out;
    }
  }
}

}  // namespace pyrometer::minimum
