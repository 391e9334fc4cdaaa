#include "pyrometer/energy/rows/truncated_shape.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <deque>
#include <mutex>
#include <numbers>

#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/eight_lanes.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kFine = 96;  // pairs of nodes of the rule that the others follow from
constexpr Index kSizes[] = {3, 4, 5, 6, 8, 12, 16, 24, 32};
// The reach of a rule is searched as the frequency at which its error, rounding included, is kError, and then reduced
// so that the truncation error, proportional to the power 4 N of the frequency, is kError / kShare.
constexpr double kError = 4e-15, kShare = 16;
constexpr std::size_t kCached = 32;

// The positive nodes of the Gauss-Legendre rule of 2 kFine nodes, and their weights.
struct Legendre {
  long double node[kFine], weight[kFine];

  Legendre() {
    constexpr int n = 2 * kFine;
    for (int i = 0; i < kFine; ++i) {
      long double x = std::cos(std::numbers::pi_v<long double> * (i + 0.75L) / (n + 0.5L)), slope = 1;
      for (int step = 0; step < 6; ++step) {
        long double p = 1, last = 0;
        for (int k = 1; k <= n; ++k) {
          const long double next = ((2 * k - 1) * x * p - (k - 1) * last) / k;
          last = p;
          p = next;
        }
        slope = n * (x * p - last) / (x * x - 1);
        x -= p / slope;
      }
      node[i] = x;
      weight[i] = 2 / ((1 - x * x) * slope * slope);
    }
  }
};
const Legendre& legendre() {
  static const Legendre rule;
  return rule;
}

// e^{z^2} erfc(z) for Re z >= 0, |2 z^2| >= 60: 1 / (sqrt(pi) z) sum_k (2k - 1)!! / (-2 z^2)^k, to 1e-12 of its size at
// 60 and to the last digits from 160 on.
std::complex<double> scaled_erfc(std::complex<double> z) {
  const double x = z.real(), y = z.imag(), size = x * x + y * y;
  // w = -1 / (2 z^2), by the reciprocal of z, whose square may leave the range of a double.
  const double rx = x / size, ry = -y / size;
  const double wx = -0.5 * (rx - ry) * (rx + ry), wy = -rx * ry;
  double sx = 1, sy = 0;
  for (int k = 12; k > 0; --k) {
    const double odd = 2 * k - 1, px = odd * (wx * sx - wy * sy), py = odd * (wx * sy + wy * sx);
    sx = 1 + px;
    sy = py;
  }
  constexpr double scale = std::numbers::inv_sqrtpi;
  return {scale * (rx * sx - ry * sy), scale * (rx * sy + ry * sx)};
}

// The eigenvalue of (n, n) matrices with zeros on the diagonal and sqrt(beta) beside it that `larger` others exceed, if
// positive, to 2^-15. The largest is below 1. The pivots of v - matrix tell how many eigenvalues are above v.
double near_node(Index n, const double* beta, Index larger) {
  double below = 0, above = 1;
  for (int step = 0; step < 14; ++step) {
    const double v = 0.5 * (below + above);
    Index negative = 0;
    double pivot = INFINITY;
    for (Index k = 0; k < n; ++k) {
      pivot = v - beta[k] / pivot;
      negative += pivot < 0;
    }
    (negative > larger ? below : above) = v;
  }
  return 0.5 * (below + above);
}

// The rule of `size` pairs of nodes, from the coefficients p_{k+1} = v p_k - beta_k p_{k-1}.
TruncatedShape::Rule rule_of(Index size, const long double* beta) {
  const Index n = 2 * size;
  const std::vector<double> rounded(beta, beta + n);
  const Index padded = size > 6 ? (size + 3) / 4 * 4 : size;
  TruncatedShape::Rule rule{0, padded, std::vector<double>(at(padded), 0.0), std::vector<double>(at(padded), 0.0)};
  long double norm = 1, total = 0;
  std::vector<long double> weight(at(size));
  for (Index k = 1; k < n; ++k) norm *= beta[k];
  for (Index i = 0; i < size; ++i) {
    long double v = near_node(n, rounded.data(), size - 1 - i), slope = 0, before = 0;
    for (int step = 0; step < 6; ++step) {
      long double p = 1, last = 0, last_slope = 0;
      slope = 0;
      for (Index k = 0; k < n; ++k) {
        const long double next = v * p - beta[k] * last, next_slope = p + v * slope - beta[k] * last_slope;
        last = p, last_slope = slope;
        p = next, slope = next_slope;
      }
      before = last;
      v -= p / slope;
    }
    rule.node[at(i)] = static_cast<double>(v);
    weight[at(i)] = norm / (slope * before);
    total += weight[at(i)];
  }
  for (Index i = 0; i < size; ++i) rule.weight[at(i)] = static_cast<double>(weight[at(i)] / total);
  return rule;
}

}  // namespace

TruncatedShape::TruncatedShape(double bound) : bound_(bound) {
  require(bound >= 0 && bound <= 9, "bound must be from 0 to 9, got ", bound);
  inside_ = std::erf(bound / std::numbers::sqrt2);
  edge_ = std::exp(-0.5 * bound * bound);
  const Legendre& fine = legendre();
  double total = 0, moments[6] = {};
  for (Index i = 0; i < kFine; ++i) {
    const auto v = static_cast<double>(fine.node[i]);
    const double weight = static_cast<double>(fine.weight[i]) * std::exp(-0.5 * bound * bound * v * v);
    total += weight;
    double power = weight;
    for (double& moment : moments) {
      moment += power;
      power *= v * v;
    }
  }
  peak_ = 0.5 / total;
  const double m2 = moments[1] / total, m4 = moments[2] / total, m6 = moments[3] / total, m8 = moments[4] / total;
  const double k2 = m2, k4 = m4 - 3 * k2 * m2, k6 = m6 - 5 * k2 * m4 - 10 * k4 * m2;
  const double k8 = m8 - 7 * k2 * m6 - 35 * k4 * m4 - 21 * k6 * m2;
  const double k10 = moments[5] / total - 9 * k2 * m8 - 84 * k4 * m6 - 126 * k6 * m4 - 36 * k8 * m2;
  std::copy_n(std::begin({k2, k4, k6, k8, k10}), 5, cumulants_);
  set_rules();
  set_envelope();
}

std::shared_ptr<const TruncatedShape> TruncatedShape::of(double bound) {
  static std::mutex lock;
  static std::deque<std::shared_ptr<const TruncatedShape>> recent;
  const std::lock_guard guard(lock);
  for (const auto& shape : recent)
    if (shape->bound() == bound) return shape;
  if (recent.size() == kCached) recent.pop_front();
  recent.push_back(std::make_shared<const TruncatedShape>(bound));
  return recent.back();
}

// Gauss rules from the three-term recurrence of the orthogonal polynomials (Stieltjes), whose matrix has the nodes as
// eigenvalues (Golub, Welsch 1969); these are bisected, and nodes and weights refined in extended precision, because an
// error of a node is multiplied by the frequency.
void TruncatedShape::set_rules() {
  const Legendre& fine = legendre();
  constexpr Index most = 2 * kSizes[std::size(kSizes) - 1];
  long double mass[kFine], last[kFine] = {}, here[kFine], total = 0, beta[most] = {};
  for (Index i = 0; i < kFine; ++i) {
    mass[i] = fine.weight[i] * std::exp(-0.5L * bound_ * bound_ * fine.node[i] * fine.node[i]);
    total += mass[i];
    here[i] = 1;
  }
  for (long double& each : mass) each /= total;
  long double norm = 1;
  for (Index k = 1; k < most; ++k) {
    long double next_norm = 0;
    for (Index i = 0; i < kFine; ++i) {
      const long double next = fine.node[i] * here[i] - beta[k - 1] * last[i];
      last[i] = here[i];
      here[i] = next;
      next_norm += mass[i] * next * next;
    }
    beta[k] = next_norm / norm;
    norm = next_norm;
  }
  double u = 0;
  for (const Index size : kSizes) {
    rules_.push_back(rule_of(size, beta));
    Rule& rule = rules_.back();
    const auto error = [&](double frequency) {
      long double sum = 0;
      for (Index i = 0; i < rule.nodes; ++i)
        sum += rule.weight[at(i)] * std::cos(static_cast<long double>(frequency) * rule.node[at(i)]);
      for (Index i = 0; i < kFine; ++i) sum -= mass[i] * std::cos(frequency * fine.node[i]);
      return std::fabs(sum);
    };
    for (double beyond = 4.0 * static_cast<double>(size); beyond - u > 0.05;) {
      const double middle = 0.5 * (u + beyond);
      (error(middle) < kError ? u : beyond) = middle;
    }
    rule.reach = u * std::pow(kShare, -0.25 / static_cast<double>(size));
  }
}

void TruncatedShape::set_envelope() {
  const double variance = cumulants_[0], end = std::max(12.0, 1.3 * bound_ * bound_ + 12.0);
  constexpr double step = 0.02, margin = 1.0001;
  const auto count = static_cast<Index>(std::ceil(end / step));
  std::vector<double> size(at(count + 1)), most(at(count + 1));
  // Beyond the grid the first term of F is negligible, and |erfcx z| < 1.1 / (sqrt(pi) |z|).
  const double edge = 2.31 * density(1.0);
  double later = edge / end;
  for (Index k = count; k >= 0; --k) {
    size[at(k)] = std::fabs(transform(step * static_cast<double>(k)));
    later = most[at(k)] = std::max(size[at(k)], later);
  }
  Index until = 0;
  for (Index k = 1; k <= count; ++k) {
    const double u = step * static_cast<double>(k);
    const double allowed = std::exp(-0.5 * variance * u * u);
    if (most[at(k)] > size[at(k)] ? most[at(k)] * margin > allowed : most[at(k)] > allowed * (1 + 1e-9) + 4e-16) break;
    until = k;
  }
  gaussian_until = step * static_cast<double>(until);
  const double floor = std::exp(-0.5 * variance * gaussian_until * gaussian_until);
  double constant = edge;
  for (Index k = until; k <= count; ++k)
    constant = std::max(constant, margin * step * static_cast<double>(k + 1) * size[at(k)]);
  inverse_from = std::max(constant / floor, gaussian_until);
}

const TruncatedShape::Rule& TruncatedShape::rule(double u) const {
  for (const Rule& each : rules_)
    if (u <= each.reach) return each;
  return rules_.back();
}

double TruncatedShape::far(double u, double cosine, double sine) const {
  if (!(bound_ > 0)) return sine / u;
  const double t = u / bound_;
  const std::complex<double> e = scaled_erfc({bound_ / std::numbers::sqrt2, t / std::numbers::sqrt2});
  const double near = t < 40 ? std::exp(-0.5 * t * t) : 0.0;
  return (near - edge_ * (cosine * e.real() + sine * e.imag())) / inside_;
}

double TruncatedShape::transform(double u) const {
  const Rule& here = rule(u);
  if (u > here.reach) return far(u, std::cos(u), std::sin(u));
  double sum = 0;
  for (Index i = 0; i < here.nodes; ++i) sum += here.weight[at(i)] * std::cos(u * here.node[at(i)]);
  return sum;
}

void TruncatedShape::multiply(double theta, Index terms, double* phi) const {
  const double last = theta * static_cast<double>(2 * terms - 1);
  const Rule& here = rule(last);
  // Nodes in lanes; cos(k a) by Reinsch's recurrence.
  constexpr Index kMost = kSizes[std::size(kSizes) - 1] / 8;
  Lanes cosine[kMost] = {}, change[kMost] = {}, step[kMost] = {}, weight[kMost] = {};
  const Index groups = (here.nodes + 7) / 8;
  for (Index i = 0; i < here.nodes; ++i) {
    const double half = std::sin(0.5 * theta * here.node[at(i)]), square = half * half;
    const double first = 1.0 - 2.0 * square, slow = 16.0 * square * (1.0 - square);
    cosine[i / 8][i % 8] = first;
    step[i / 8][i % 8] = slow;
    change[i / 8][i % 8] = -slow * first;
    weight[i / 8][i % 8] = here.weight[at(i)];
  }
  Index i = 0;
  for (; i < terms && theta * static_cast<double>(2 * i + 1) <= here.reach; ++i) {
    Lanes sum = {};
    for (Index g = 0; g < groups; ++g) {
      sum += weight[g] * cosine[g];
      cosine[g] += change[g];
      change[g] -= step[g] * cosine[g];
    }
    phi[i] *= ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
  }
  // Sines and cosines by rotation, anew from time to time.
  double c = 0, s = 0;
  const double turn_c = std::cos(2 * theta), turn_s = std::sin(2 * theta);
  for (int since = 0; i < terms; ++i, ++since) {
    const double u = theta * static_cast<double>(2 * i + 1);
    if (since % 64 == 0) {
      c = std::cos(u), s = std::sin(u);
    } else {
      const double next = c * turn_c - s * turn_s;
      s = s * turn_c + c * turn_s;
      c = next;
    }
    phi[i] *= far(u, c, s);
  }
}

double TruncatedShape::mass(double v0, double v1) const {
  if (!(bound_ > 0)) return 0.5 * (v1 - v0);
  const double b = bound_ / std::numbers::sqrt2;
  return 0.5 * (std::erf(b * v1) - std::erf(b * v0)) / inside_;
}

// The integral of v p(v): p(0) e^{-b^2 v1^2 / 2} (v1^2 - v0^2) / 2 times expm1(x) / x at x = b^2 (v1^2 - v0^2) / 2.
double TruncatedShape::first_moment(double v0, double v1) const {
  const double squares = (v1 - v0) * (v1 + v0), x = 0.5 * bound_ * bound_ * squares;
  const double growth = std::fabs(x) > 1e-300 ? std::expm1(x) / x : 1.0;
  return 0.5 * density(v1) * squares * growth;
}

double TruncatedShape::density(double v) const { return peak_ * std::exp(-0.5 * bound_ * bound_ * v * v); }

}  // namespace pyrometer::energy
