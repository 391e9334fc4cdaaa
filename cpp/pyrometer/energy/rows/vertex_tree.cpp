#include "pyrometer/energy/rows/vertex_tree.hpp"

#include <array>
#include <functional>

#include "pyrometer/energy/rows/cosine_series.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr Index kMostTerms = 512;  // odd k of one series; four times the worst at eight equal features
constexpr Index kMostNodes = 1 << 14;
constexpr double kNothing = 1e-40;

// eta(2i) = sum_k (-1)^(k-1) k^-2i, i >= 1.
double eta(Index i) {
  constexpr double values[] = {0.822467033424113218, 0.947032829497245918, 0.985551091297435104, 0.996233001852647899,
                               0.999039507598271566, 0.999757685143858191, 0.999939170345979718, 0.999984764214906106};
  if (i <= 8) return values[i - 1];
  double sum = 0;
  for (int k = 10; k > 0; --k) sum += (k % 2 ? 1.0 : -1.0) * std::pow(k, -2.0 * static_cast<double>(i));
  return sum;
}

struct Constants {
  std::array<double, 64> inverse_factorial{}, tanh_half{}, x_over_sin{};

  Constants() {
    inverse_factorial[0] = 1;
    for (std::size_t k = 1; k < inverse_factorial.size(); ++k)
      inverse_factorial[k] = inverse_factorial[k - 1] / static_cast<double>(k);
    // tanh(z/2) = 4 sum_i (-1)^i z^(2i+1) sum_{k odd} (k pi)^(-2i-2);  x / sin x = 1 + 2 sum_i eta(2i) (x / pi)^2i.
    x_over_sin[0] = 1;
    for (Index i = 0; 2 * i + 1 < static_cast<Index>(tanh_half.size()); ++i) {
      const double power = 2.0 * static_cast<double>(i + 1);
      const double odd = eta(i + 1) * (1.0 - std::pow(2.0, -power)) / (1.0 - std::pow(2.0, 1.0 - power));
      tanh_half[at(2 * i + 1)] = (i % 2 ? -4.0 : 4.0) * odd * std::pow(kPi, -power);
      x_over_sin[at(i + 1)] = 2.0 * eta(i + 1);
    }
  }
};
const Constants kConstants;

// ln of a bound of |phi| of the rest after q features, for all frequencies from t on.
double log_envelope(const double* a, Index q, Index count, double s, double l, double t) {
  double gaussian = 0, inverse = 1;
  for (Index j = q; j < count; ++j) {
    const double u = 0.5 * a[j] * t, near = std::min(u, kGaussianUntil);
    gaussian += near * near;
    inverse *= std::max(u, kInverseFrom) / kInverseFrom;
  }
  return -gaussian / 6.0 - 0.5 * (s * t) * (s * t) + log_logistic(l, t) - std::log(inverse);
}

// Multiplies power series in z^2: the first `size` terms of `series` by the one of sinh(az/2) / (az/2).
template <class Series>
void multiply_sinhc(double a, std::size_t size, Series& series) {
  for (std::size_t i = size; i-- > 0;) {
    double power = 1, sum = 0;
    for (std::size_t k = 0; k <= i; ++k, power *= 0.25 * a * a)
      sum += power * kConstants.inverse_factorial[2 * k + 1] * series[i - k];
    series[i] = sum;
  }
}

// The same by e^{s^2 z^2 / 2}.
template <class Series>
void multiply_gaussian(double s, std::size_t size, Series& series) {
  for (std::size_t i = size; i-- > 0;) {
    double term = 1, sum = 0;
    for (std::size_t k = 0; k <= i; term *= 0.5 * s * s / static_cast<double>(++k)) sum += term * series[i - k];
    series[i] = sum;
  }
}

// sum_i c^(order - 2i) / (order - 2i)! moments_i = E (c + R)^order / order!
template <class Series>
double shifted_moment(double c, Index order, const Series& moments) {
  if (order < 0) return 0;
  double power = order % 2 ? c : 1.0, sum = 0;
  for (Index i = order / 2; i >= 0; --i, power *= c * c)
    sum += power * kConstants.inverse_factorial[at(order - 2 * i)] * moments[at(i)];
  return sum;
}

}  // namespace

TreeValue VertexTree::mean_absolute(double y, std::vector<double>& a, double s, double l) {
  std::sort(a.begin(), a.end(), std::greater<>());
  const double largest = std::max({a.empty() ? 0.0 : a.front(), s, l});
  if (!(largest > 0)) return {std::fabs(y), 0, 0};
  // Much smaller terms do not contribute in double precision, but their powers would underflow.
  const double least = kNothing * largest;
  while (!a.empty() && a.back() <= least) a.pop_back();
  if (s <= least) s = 0;
  if (l <= least) l = 0;
  const double unit = std::exp2(std::ilogb(largest));
  for (double& length : a) length /= unit;
  y = std::fabs(y);
  if (!std::isfinite(y / unit)) return {y, 0, kCut * y};  // the sum is negligible compared with y
  a_ = a.data();
  count_ = static_cast<Index>(a.size());
  s_ = s / unit;
  l_ = l / unit;
  depth_ = choose_depth(y / unit);
  const Level& root = levels_.front();
  if (y / unit >= root.point) return {y, 0, y > 0 ? root.error * unit : 0.0};

  set_moments(depth_);
  if (has_series_) set_series();
  nodes_ = 0;
  value_ = derivative_ = truncation_ = magnitude_ = 0;
  spread_ = y / unit;
  visit(0, y / unit, 1.0);
  const double other = l_ > 0 ? derivative_ : y / unit * derivative_;
  return {value_ * unit, (value_ - other) * unit, (truncation_ + kUnit * magnitude_) * unit};
}

// Adds levels until the rest is negligible, has a short series, or is empty.
Index VertexTree::choose_depth(double y) {
  const Index most = std::min(count_, kDeepest);
  levels_.resize(at(most + 1));
  double variance = 0, support = 0;
  for (Index j = count_ - 1; j >= most; --j) variance += a_[j] * a_[j] / 12.0, support += 0.5 * a_[j];
  for (Index q = most; q >= 0; --q) {
    levels_[at(q)].reach = {variance, support, s_, l_};
    if (q > 0) variance += a_[q - 1] * a_[q - 1] / 12.0, support += 0.5 * a_[q - 1];
  }
  const double log_cut = std::log(kCut * levels_.front().reach.scale(y));
  double log_weight = 0;
  has_series_ = false;
  for (Index q = 0;; ++q) {
    Level& level = levels_[at(q)];
    const Reach& rest = level.reach;
    if (q > 0) log_weight += std::log(2.0 / a_[q - 1]);
    level.weight = std::exp(log_weight - static_cast<double>(q) * std::numbers::ln2);
    const double log_tolerance = log_cut - log_weight;
    level.point = tail_point(rest, static_cast<int>(q + 1), log_tolerance);
    level.error = rest.support + s_ + l_ > 0 ? std::exp(log_tolerance) : 0.0;
    if (level.point <= 0 || q == kDeepest) return q;
    if (q == 0 && y >= level.point) return q;

    period_ = std::max(level.point + (q == 0 ? y : level.point), q < count_ ? a_[q] : 0.0);
    // A few uniform variables only: the vertex formula is cheaper than a series.
    const double most_terms = static_cast<double>(
        s_ + l_ > 0 ? kMostTerms : std::min(kMostTerms, Index{1} << std::min<Index>(count_ - q, 20)));
    const double order = static_cast<double>(q + 1);
    const double log_constant =
        log_tolerance + std::log(kPi * kPi * order / (2.0 * period_)) + (order - 1.0) * std::log(kPi / period_);
    for (double t = first_frequency(rest, 28.0); t * period_ < 2.0 * kPi * most_terms; t *= 1.15) {
      const double last = std::max(1.0, t * period_ / kPi - 2.0);
      if (log_envelope(a_, q, count_, s_, l_, t) > log_constant + order * std::log(last)) continue;
      last_frequency_ = t;
      has_series_ = true;
      return q;
    }
    if (q == most) return q;
  }
}

void VertexTree::set_moments(Index depth) {
  const std::size_t size = at(depth / 2 + 2);
  Moments moments{}, logistic{};
  moments[0] = 1;
  if (l_ > 0) {
    double power = 1;
    for (std::size_t i = 0; i < size; ++i, power *= l_ * l_) {
      moments[i] = power * kConstants.x_over_sin[i];
      logistic[i] = 2.0 * static_cast<double>(i) * moments[i];
    }
  }
  if (s_ > 0) {
    multiply_gaussian(s_, size, moments);
    multiply_gaussian(s_, size, logistic);
  }
  for (Index j = count_; j-- > 0;) {
    if (j < depth) {
      levels_[at(j + 1)].moments = moments;
      levels_[at(j + 1)].logistic_moments = logistic;
    }
    multiply_sinhc(a_[j], size, moments);
    if (l_ > 0) multiply_sinhc(a_[j], size, logistic);
  }
  levels_[0].moments = moments;
  levels_[0].logistic_moments = logistic;
}

void VertexTree::set_series() {
  const Index terms = std::max<Index>(1, static_cast<Index>(std::ceil(0.5 * (last_frequency_ * period_ / kPi - 1.0))));
  // The features are distributed over the lanes, and the products of the lanes multiplied.
  const Index rows = (count_ - depth_ + 4 * kSeriesLanes - 1) / (4 * kSeriesLanes) * 4;
  std::vector<double> theta(at(rows * kSeriesLanes), 0.0), product(at(terms * kSeriesLanes));
  for (Index j = depth_; j < count_; ++j) theta[at(j - depth_)] = a_[j] * kPi / (2.0 * period_);
  sinc_products(theta.data(), rows, terms, product.data());
  phi_.resize(at(terms));
  logistic_phi_.resize(at(terms));
  for (Index i = 0; i < terms; ++i) {
    const double k = static_cast<double>(2 * i + 1), t = k * kPi / period_, x = kPi * l_ * t;
    double phi = s_ > 0 ? std::exp(-0.5 * (s_ * t) * (s_ * t)) : 1.0;
    for (Index power = -2; power < depth_; ++power) phi /= k;
    for (Index lane = 0; lane < kSeriesLanes; ++lane) phi *= product[at(i * kSeriesLanes + lane)];
    if (x > 0) phi *= x / std::sinh(x);
    phi_[at(i)] = phi;
    logistic_phi_[at(i)] = x > 0 ? phi * (1.0 - x / std::tanh(x)) : 0.0;
  }
}

void VertexTree::visit(Index q, double c, double sign) {
  const Level& level = levels_[at(q)];
  const bool ended = std::fabs(c) >= level.point;
  if (!ended && q < depth_) {
    if (++nodes_ < kMostNodes) {
      visit(q + 1, c + 0.5 * a_[q], sign);
      return visit(q + 1, c - 0.5 * a_[q], -sign);
    }
  }
  const bool leaf = !ended && q == depth_ && has_series_;
  const Node node = leaf ? series(c) : polynomial(q, c);
  value_ += sign * level.weight * node.value;
  derivative_ += sign * level.weight * node.derivative;
  magnitude_ += level.weight * node.magnitude;
  // A branch truncated before its point has the bound at its own distance.
  double error = level.error;
  if (!ended && !leaf && error > 0) error = std::exp(log_tail(level.reach, static_cast<int>(q + 1), std::fabs(c)));
  truncation_ += level.weight * (leaf ? 2.0 : 1.0) * error;
}

VertexTree::Node VertexTree::polynomial(Index q, double c) const {
  const Level& level = levels_[at(q)];
  const double r = std::fabs(c), parity = c < 0 && q % 2 ? -1.0 : 1.0, side = c < 0 ? -1.0 : 1.0;
  const double value = shifted_moment(r, q + 1, level.moments), lower = shifted_moment(r, q, level.moments);
  const double derivative = l_ > 0 ? parity * shifted_moment(r, q + 1, level.logistic_moments) : side * parity * lower;
  return {parity * value, derivative,
          static_cast<double>(4 * q + 16) * value + (spread_ + static_cast<double>(q)) * lower};
}

VertexTree::Node VertexTree::series(double c) const {
  const Level& level = levels_[at(depth_)];
  const Index q = depth_;
  double value = 0, derivative = 0, magnitude = 0, power = period_;
  for (Index j = 1; j <= q + 1; j += 2, power *= period_ * period_) {
    const double factor = kConstants.tanh_half[at(j)] * power;
    value += factor * shifted_moment(c, q + 1 - j, level.moments);
    magnitude += std::fabs(factor) * shifted_moment(std::fabs(c), q + 1 - j, level.moments);
    derivative += factor * (l_ > 0 ? shifted_moment(c, q + 1 - j, level.logistic_moments)
                                   : shifted_moment(c, q - j, level.moments));
  }
  const double alpha = kPi * c / period_, step = 4.0 * std::sin(alpha) * std::sin(alpha);
  double cosine = std::cos(alpha), cosine_step = -step * cosine;
  double sine = std::sin(alpha), sine_step = sine * (2.0 - step);
  double sum = 0, slopes = 0;
  for (std::size_t i = 0; i < phi_.size(); ++i) {
    const double wave = q % 2 ? sine : cosine;
    sum += wave * phi_[i];
    slopes += l_ > 0 ? wave * logistic_phi_[i] : (q % 2 ? cosine : -sine) * phi_[i] * static_cast<double>(2 * i + 1);
    cosine += cosine_step;
    cosine_step -= step * cosine;
    sine += sine_step;
    sine_step -= step * sine;
  }
  const double factor =
      (q / 2 % 2 ? 4.0 : -4.0) * period_ / (kPi * kPi) * std::pow(period_ / kPi, static_cast<double>(q));
  value += factor * sum;
  derivative += factor * slopes * (l_ > 0 ? 1.0 : kPi / period_);
  magnitude += 1.25 * std::fabs(factor);
  return {value, derivative, static_cast<double>(16 + 6 * (count_ - q)) * magnitude};
}

}  // namespace pyrometer::energy
