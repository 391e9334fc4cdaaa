#include "pyrometer/energy/rows/bounded_sum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace pyrometer::energy {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kMostTerms = 768, kMostInner = 192;  // of the first level, and of others, which are called often
constexpr std::size_t kSlowTerms = 16;
constexpr double kRounding = 16;     // of one value, in unit roundoffs of the largest |R| + |y|
constexpr double kNoReach = 1e-100;  // beside 1: such a variable changes nothing, and its density overflows

double sign_of(double c) { return c > 0 ? 1.0 : c < 0 ? -1.0 : 0.0; }

}  // namespace

SumValue BoundedSum::mean_absolute(double y, std::vector<Part>& parts, double s, double l) {
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.reach > b.reach; });
  const double largest = std::max({parts.empty() ? 0.0 : parts.front().reach, s, l});
  y = std::fabs(y);
  if (!(largest > 0)) return {y, 0, 0, 0};
  const double unit = std::exp2(std::ilogb(largest));
  if (!std::isfinite(y / unit)) return {y, 0, kCut * y, kCut * y};
  for (Part& part : parts) part.reach /= unit;
  while (!parts.empty() && parts.back().reach < kNoReach) parts.pop_back();
  parts_ = parts;
  s_ = s / unit;
  l_ = l / unit;
  y_ = y / unit;
  calls_ = 0;
  leave_out();
  set_levels(y_);
  const Node node = at_level(0, y_);
  const double slope = node.value - y_ * node.derivative - node.logistic;
  const double rounding =
      kUnit * (kRounding + 4.0 * static_cast<double>(count_)) * (y_ + levels_.front().reach.support + s_ + l_);
  const double truncation = 2.0 * tolerance_ * static_cast<double>(depth_ + 1);
  const double bound = node.error + left_out_ + truncation + rounding;
  const double slope_bound = node.slope_error + 2.0 * left_out_ + 64.0 * (truncation + rounding);
  return {node.value * unit, slope * unit, bound * unit, slope_bound * unit};
}

// Drops what is negligible beside the widest variable.
void BoundedSum::leave_out() {
  left_out_ = 0;
  count_ = static_cast<Index>(parts_.size());
  const auto variance = [&](Index j) {
    const Part& part = parts_[at(j)];
    return part.reach * part.reach * part.shape->variance();
  };
  double all = s_ * s_ + l_ * l_ * (kPi * kPi / 3.0);
  for (Index j = 0; j < count_; ++j) all += variance(j);
  const double allowed = 1e-17 * std::max(y_, 0.48 * std::sqrt(all));
  if (count_ > 0) {
    const double density = parts_.front().shape->density(0.0) / parts_.front().reach;
    double rest = 0;
    Index keep = count_;
    while (keep > 1 && (rest + variance(keep - 1)) * density <= allowed) rest += variance(--keep);
    if ((rest + s_ * s_) * density <= allowed) rest += s_ * s_, s_ = 0;
    if ((rest + l_ * l_ * kPi * kPi / 3.0) * density <= allowed) rest += l_ * l_ * kPi * kPi / 3.0, l_ = 0;
    count_ = keep;
    left_out_ = rest * density;
  }
  parts_.resize(at(count_));
}

void BoundedSum::set_levels(double y) {
  if (static_cast<Index>(levels_.size()) < count_ + 1) levels_.resize(at(count_ + 1));
  double variance = 0, support = 0;
  for (Index q = count_; q >= 0; --q) {
    if (q < count_) {
      const Part& part = parts_[at(q)];
      variance += part.reach * part.reach * part.shape->variance();
      support += part.reach;
    }
    levels_[at(q)].reach = {variance, support, s_, l_};
  }
  tolerance_ = kCut * levels_.front().reach.scale(y);
  Index q = 0;
  for (;; ++q) {
    Level& level = levels_[at(q)];
    level.edges.clear();
    level.phi.clear();
    level.point = tail_point(level.reach, 1, std::log(tolerance_));
    level.kind = Kind::nothing;
    if (level.point <= 0 || (q == 0 && y >= level.point)) break;
    const bool alone = !(s_ > 0) && !(l_ > 0);
    if (q == count_ && !(l_ > 0)) {
      level.kind = Kind::folded;
      break;
    }
    if (q + 1 == count_ && alone) {
      level.kind = Kind::single;
      break;
    }
    // The integral over one of two variables is in closed form inside, and cheaper than their series.
    if (!(alone && q + 2 == count_) && set_series(level, q, q == 0 ? y : level.point)) {
      level.kind = Kind::series;
      break;
    }
    level.kind = Kind::integral;
  }
  depth_ = q;
  for (Index k = q - 1; k >= 0; --k) set_edges(k);
  for (Index k = q; k > 0; --k) {
    levels_[at(k)].table.clear();
    if (levels_[at(k)].kind == Kind::integral || levels_[at(k)].phi.size() > kSlowTerms) tabulate(k);
  }
}

// The series of a level, if it is short enough; always for the normal and logistic variables alone.
bool BoundedSum::set_series(Level& level, Index q, double y) {
  const double period = level.period = level.point + y;
  const double log_constant = std::log(tolerance_ * kPi * kPi / (2.0 * period));
  for (double t = first_frequency(level.reach, 28.0);; t *= 1.15) {
    if (t * period > 2.0 * kPi * (q == 0 ? kMostTerms : kMostInner) && q < count_) return false;
    double envelope = -0.5 * (s_ * t) * (s_ * t) + log_logistic(l_, t);
    for (Index j = q; j < count_; ++j) {
      const TruncatedShape& shape = *parts_[at(j)].shape;
      const double u = parts_[at(j)].reach * t, near = std::min(u, shape.gaussian_until);
      envelope -= 0.5 * shape.variance() * near * near + std::log(std::max(1.0, u / shape.inverse_from));
    }
    const double last = std::max(1.0, t * period / kPi - 2.0);
    if (envelope > log_constant + std::log(last)) continue;
    const Index terms = std::max<Index>(1, static_cast<Index>(std::ceil(0.5 * (t * period / kPi - 1.0))));
    level.phi.assign(at(terms), 1.0);
    for (Index j = q; j < count_; ++j)
      parts_[at(j)].shape->multiply(parts_[at(j)].reach * kPi / period, terms, level.phi.data());
    level.logistic_phi.assign(at(terms), 0.0);
    for (Index i = 0; i < terms; ++i) {
      const double k = static_cast<double>(2 * i + 1), frequency = k * kPi / period, x = kPi * l_ * frequency;
      double& phi = level.phi[at(i)];
      phi *= std::exp(-0.5 * (s_ * frequency) * (s_ * frequency)) / (k * k);
      if (x > 0) {
        phi *= x < 700 ? x / std::sinh(x) : 0.0;
        level.logistic_phi[at(i)] = phi * (1.0 - x / std::tanh(x));
      }
    }
    return true;
  }
}

// Where H_{q+1} is not smooth: near the sums of +-h of the next variables that are integrated, within the reach of what
// follows them.
void BoundedSum::set_edges(Index q) {
  std::vector<double>& edges = levels_[at(q)].edges;
  Index last = q + 1;
  while (last < count_ && levels_[at(last)].kind == Kind::integral && last < q + 4) ++last;
  double width = 0;
  const Level& end = levels_[at(last)];
  if (end.kind == Kind::single) {
    ++last;
  } else if (end.kind == Kind::series && last < count_ && end.phi.size() > kSlowTerms) {
    width = std::max(0.0, tail_point(levels_[at(++last)].reach, 1, std::log(tolerance_)));
  } else {
    width = std::max(0.0, end.point);
  }
  const Index sharp = last - q - 1;
  for (Index signs = 0; signs < (Index{1} << sharp); ++signs) {
    double sum = 0;
    for (Index k = 0; k < sharp; ++k) sum += (signs >> k & 1 ? 1.0 : -1.0) * parts_[at(q + 1 + k)].reach;
    if (sharp > 0) edges.push_back(sum - width);
    if (sharp > 0 && width > 0) edges.push_back(sum + width);
  }
  if (sharp == 0) edges.push_back(0.0);
  std::sort(edges.begin(), edges.end());
}

BoundedSum::Node BoundedSum::at_level(Index q, double c) {
  const Level& level = levels_[at(q)];
  const double size = std::fabs(c);
  if (level.kind == Kind::nothing || size >= level.point) return {size, sign_of(c), 0};
  if (q > 0 && !level.table.empty()) return by_table(level, c);
  switch (level.kind) {
    case Kind::folded: {
      const double z = c / s_ / std::numbers::sqrt2, inside = std::erf(z);
      return {s_ * std::sqrt(2.0 / kPi) * std::exp(-z * z) + c * inside, inside, 0};
    }
    case Kind::single: {
      const Part& part = parts_[at(q)];
      const double v = size / part.reach, inside = part.shape->mass(-v, v);
      return {size * inside + 2.0 * part.reach * part.shape->first_moment(v, 1.0), sign_of(c) * inside, 0};
    }
    case Kind::series:
      return by_series(level, c);
    default:
      return by_integral(q, c);
  }
}

BoundedSum::Node BoundedSum::by_series(const Level& level, double c) const {
  const double alpha = kPi * c / level.period, half = std::sin(alpha), step = 4.0 * half * half;
  double cosine = std::cos(alpha), cosine_step = -step * cosine;
  double sine = half, sine_step = sine * (2.0 - step);
  double sum = 0, slopes = 0, logistic = 0;
  for (std::size_t i = 0; i < level.phi.size(); ++i) {
    sum += cosine * level.phi[i];
    slopes += sine * level.phi[i] * static_cast<double>(2 * i + 1);
    logistic += cosine * level.logistic_phi[i];
    cosine += cosine_step;
    cosine_step -= step * cosine;
    sine += sine_step;
    sine_step -= step * sine;
  }
  const double factor = 4.0 * level.period / (kPi * kPi);
  return {0.5 * level.period - factor * sum, 4.0 / kPi * slopes, -factor * logistic};
}

}  // namespace pyrometer::energy
