// The tables of LogSumExp: quadrature at Chebyshev points.
#include "pyrometer/energy/rows/log_sum_exp.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>
#include <utility>
#include <vector>

#include "pyrometer/base/require.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kRootHalf = std::numbers::sqrt2 / 2, kNormal = std::numbers::inv_sqrtpi * kRootHalf;
constexpr double kNegligible = 1e-18;

double density(double z) { return kNormal * std::exp(-0.5 * z * z); }
double upper_tail(double z) { return 0.5 * std::erfc(kRootHalf * z); }

/// A trapezoidal rule for the mean of a function of a random variable.
struct Rule {
  std::vector<double> node, weight;

  template <class Density>
  Rule(Index first, Index last, double step, Density density) {
    for (Index k = first; k <= last; ++k) {
      node.push_back(static_cast<double>(k) * step);
      weight.push_back(step * density(node.back()));
    }
  }
};

const Rule& normal() {
  static const Rule rule(-37, 39, 0.25, density);
  return rule;
}

/// A mean, and its derivative along s.
struct Mean {
  double value, derivative;
};

// 1 - F at one point, and the derivative of F along s.
struct Tail {
  double beyond, derivative;
};

// P(g + s Z > -u): the mean of 1 - exp(-t e^{s Z}), t = e^u.
class NormalTails {
 public:
  explicit NormalTails(double s) : rule_(normal()), s_(s) {
    for (const double z : rule_.node) factor_.push_back(std::exp(s * z));
  }

  [[nodiscard]] Tail operator()(double u) const {
    Tail tail{0, 0};
    const double size = std::exp(u);
    for (std::size_t k = 0; k < factor_.size(); ++k) {
      const double t = size * factor_[k], beyond = -std::expm1(-t);
      tail.beyond += rule_.weight[k] * beyond;
      tail.derivative += rule_.weight[k] * t * (t - 1) * (1 - beyond);
    }
    tail.derivative *= s_;
    return tail;
  }

 private:
  const Rule& rule_;
  double s_;
  std::vector<double> factor_;
};

// P(g / s + Z > x), s >= 1, at the points x = k step.
class GumbelTails {
 public:
  GumbelTails(double s, double step) : steps_(static_cast<Index>(std::ceil(step * s / kLargest))) {
    // Nodes of g / s that are a fraction of the points: both sums need the same values of the normal distribution.
    fraction_ = step / static_cast<double>(steps_);
    const double h = s * fraction_;
    first_ = static_cast<Index>(std::floor(-4 / h));
    for (Index j = first_; static_cast<double>(j) * h < 42; ++j) {
      const double g = static_cast<double>(j) * h;
      weight_.push_back(h * std::exp(-g - std::exp(-g)));
    }
    if (steps_ <= kKept) known_.resize(at(2 * kReach * steps_), Tail{-1, 0});
  }

  Tail operator()(Index k) {
    Tail tail{0, 0};
    for (std::size_t j = 0; j < weight_.size(); ++j) {
      const Tail at_node = normal(k * steps_ - first_ - static_cast<Index>(j));
      tail.beyond += weight_[j] * at_node.beyond;
      tail.derivative += weight_[j] * at_node.derivative;
    }
    return tail;
  }

 private:
  static constexpr double kLargest = 0.25;              // of the steps of g
  static constexpr Index kKept = 64, kReach = 1 << 10;  // steps of x on either side of 0 of which values are kept

  // The normal tail at z = i fraction, and the derivative of the distribution function of s Z along s, times s.
  Tail normal(Index i) {
    const double z = static_cast<double>(i) * fraction_;
    if (z < -9) return {1, 0};
    if (z > 40) return {0, 0};
    const Index kept = i + kReach * steps_;
    if (kept < 0 || kept >= static_cast<Index>(known_.size())) return {upper_tail(z), -z * density(z)};
    Tail& tail = known_[at(kept)];
    if (tail.beyond < 0) tail = {upper_tail(z), -z * density(z)};
    return tail;
  }

  double fraction_ = 0;
  Index steps_, first_ = 0;
  std::vector<double> weight_;
  std::vector<Tail> known_;
};

// ln F.
double log_below(const Tail& tail) { return std::log1p(-std::min(tail.beyond, 1 - kUnit)); }

/// Lambda_C(s) and its derivative for s < 1: trapezoids of step 3/16 in u.
Mean narrow(double s, double classes) {
  constexpr double kStep = 0.1875;
  const double shift = std::log(classes);
  Mean sum{0, 0};
  const auto first = static_cast<Index>(std::floor((-42 - shift) / kStep));
  const NormalTails tails(s);
  for (Index k = first;; ++k) {
    const double u = static_cast<double>(k) * kStep;
    const Tail tail = tails(u);
    const double power = log_below(tail), reference = -classes * std::exp(u);
    sum.value += std::expm1(reference) - std::expm1(classes * power);
    sum.derivative -= std::exp((classes - 1) * power) * tail.derivative;
    if (reference < -42 && classes * power < -42) break;
  }
  return {shift + kStep * sum.value, classes * kStep * sum.derivative};
}

// The step in units of s: the distribution of the maximum is narrower for more classes.
double step_of(double classes) {
  return classes <= 10 ? 0.1875 : classes <= 100 ? 0.15625 : classes <= 1000 ? 0.09375 : 0.0625;
}

// Whether more is to come above and below a point.
struct Ends {
  bool above, below;
};

/// (Lambda_C(s) + Euler's constant) / s and the derivative of Lambda_C for s = 1 / inverse >= 1, inverse = 0 included.
template <class Tails>
Mean wide(double classes, double step, Tails&& tails) {
  const double middle = std::round(std::sqrt(2 * std::log(classes)));
  Mean sum{0, 0};
  const auto add = [&](Index k) {
    const double x = static_cast<double>(k) * step;
    const Tail tail = tails(k);
    const double power = log_below(tail);
    // As differences of two upper tails, which are small where x is large.
    const double difference = -std::expm1(classes * power) - upper_tail(x - middle);
    sum.value += difference;
    sum.derivative -= std::exp((classes - 1) * power) * tail.derivative;
    return Ends{classes * tail.beyond > kNegligible, classes * power > -42};
  };
  const auto start = static_cast<Index>(std::floor(middle / step));
  for (Index k = start; add(k).above || upper_tail(static_cast<double>(k) * step - middle) > kNegligible;) ++k;
  // Downwards both tails tend to 1.
  for (Index k = start - 1; add(k).below || upper_tail(middle - static_cast<double>(k) * step) > kNegligible;) --k;
  return {middle + step * sum.value, classes * step * sum.derivative};
}

Mean wide(double s, double classes) {
  const double step = step_of(classes);
  Mean mean = wide(classes, step, GumbelTails(s, step));
  mean.value = s * mean.value - std::numbers::egamma;
  return mean;
}

// From values at the points cos((i + 1/2) pi / N) to the coefficients of the powers of their interpolant.
template <std::size_t N>
void to_powers(const std::array<double, N>& point, std::array<double, N>& values) {
  std::array<std::array<double, N>, 2> chebyshev;  // T_j and T_{j+1} at the points
  chebyshev[0].fill(1.0);
  chebyshev[1] = point;
  std::array<double, N> powers{}, now{}, next{};  // of T_j and T_{j+1}
  now[0] = 1, next[1] = 1;
  for (std::size_t j = 0; j < N; ++j) {
    double coefficient = 0;
    for (std::size_t i = 0; i < N; ++i) coefficient += values[i] * chebyshev[0][i];
    coefficient *= (j == 0 ? 1.0 : 2.0) / static_cast<double>(N);
    for (std::size_t k = 0; k <= j; ++k) powers[k] += coefficient * now[k];
    std::array<double, N> after{};
    for (std::size_t k = 0; k < N; ++k) after[k] = (k > 0 ? 2 * next[k - 1] : 0.0) - now[k];
    now = next, next = after;
    for (std::size_t i = 0; i < N; ++i) {
      const double t = 2 * point[i] * chebyshev[1][i] - chebyshev[0][i];
      chebyshev[0][i] = chebyshev[1][i], chebyshev[1][i] = t;
    }
  }
  values = powers;
}

}  // namespace

namespace {

/// P(g + s Z > y) for one s < 1e-30 .. , and the derivative of the distribution function along ln s.
Tail tail_of(double y, double s, const NormalTails& tails) {
  if (s < 1) {
    Tail tail = tails(-y);
    tail.derivative *= s;
    return tail;
  }
  static const Rule rule(-16, 168, 0.25, [](double g) { return std::exp(-g - std::exp(-g)); });
  Tail tail{0, 0};
  for (std::size_t k = 0; k < rule.node.size(); ++k) {
    const double z = (y - rule.node[k]) / s;
    if (z > 40) continue;
    tail.beyond += rule.weight[k] * (z < -9 ? 1.0 : upper_tail(z));
    tail.derivative -= rule.weight[k] * z * density(z);
  }
  return tail;
}

/// Nodes and weights of the Gauss-Legendre rule on [-1, 1].
template <std::size_t N>
std::array<std::pair<double, double>, N> legendre() {
  std::array<std::pair<double, double>, N> rule;
  for (std::size_t i = 0; i < N; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (static_cast<double>(N) + 0.5)), slope = 1;
    for (int step = 0; step < 8; ++step) {
      double before = 1, now = x;
      for (std::size_t k = 2; k <= N; ++k) {
        const auto degree = static_cast<double>(k);
        const double next = ((2 * degree - 1) * x * now - (degree - 1) * before) / degree;
        before = now, now = next;
      }
      slope = static_cast<double>(N) * (x * now - before) / (x * x - 1);
      x -= now / slope;
    }
    rule[i] = {x, 2 / ((1 - x * x) * slope * slope)};
  }
  return rule;
}

}  // namespace

namespace {

/// The integral of F_w (1 - prod F_c) and its slope: `unit` is the least width, `tail_at(y, k)` is that of the k-th
/// deviation, which `counts` has in order, with how often each occurs.
template <class TailAt>
MeanLogSumExp integral(const std::map<double, double>& counts, double unit, double enough, const TailAt& tail_at) {
  static const auto rule = legendre<20>();
  MeanLogSumExp out{0, 0};
  const auto add = [&](double low, double high) {
    double most = 0;
    for (const auto& [node, weight] : rule) {
      const double y = unit * (low + high + (high - low) * node) / 2, share = unit * weight * (high - low) / 2;
      // ln F of the widest, and of the product of all.
      double one = 0, all = 0, relative = 0;
      std::size_t k = 0;
      for (const auto& [deviation, count] : counts) {
        const Tail tail = tail_at(y, deviation, k++);
        one = log_below(tail);
        all += count * one;
        relative += count * tail.derivative * std::exp(-one);
      }
      const double value = std::exp(one) * -std::expm1(all - one), change = std::exp(all) * relative;
      out.value += share * value;
      out.slope -= share * change;
      most = std::max({most, std::abs(value), std::abs(change)});
    }
    return most > kNegligible;
  };
  for (const double sign : {1.0, -1.0}) {
    double low = 0;
    for (double length = 1.5; unit * low < enough; length = std::max(1.5, low / 2)) {
      const double high = low + length;
      if (!add(std::min(sign * low, sign * high), std::max(sign * low, sign * high)) && low > 6) break;
      low = high;
    }
  }
  return out;
}

std::map<double, double> counted(Vector s) {
  std::map<double, double> counts;
  for (const double deviation : s) counts[deviation] += 1;
  return counts;
}

}  // namespace

MeanLogSumExp mean_log_sum_exp(Vector s) {
  constexpr double kWide = 0x1p60;
  const double most = *std::max_element(s.begin(), s.end()), excess = std::log(static_cast<double>(s.size()));
  if (most > kWide * (1 + excess)) {  // the maximum and its slope differ from this by ln C at most
    const double value = mean_maximum(s);
    return {value, value};
  }
  const std::map<double, double> counts = counted(s);
  std::vector<NormalTails> tails;
  for (const auto& [deviation, count] : counts) tails.emplace_back(std::min(deviation, 1.0));
  const double enough = 10 * counts.rbegin()->first + 45 + excess;
  return integral(counts, 1, enough,
                  [&](double y, double deviation, std::size_t k) { return tail_of(y, deviation, tails[k]); });
}

double mean_maximum(Vector s) {
  constexpr double kNothing = 0x1p-60;  // of the largest deviation: smaller ones change nothing
  const double most = *std::max_element(s.begin(), s.end());
  if (!(most > 0)) return 0;
  // In units in which no product underflows.
  const int exponent = std::ilogb(most);
  const double nothing = std::ldexp(most, -exponent) * kNothing;
  std::vector<double> wide(s.begin(), s.end());
  for (double& deviation : wide) deviation = std::max(std::ldexp(deviation, -exponent), nothing);
  const std::map<double, double> counts = counted(wide);
  const double least = counts.begin()->first;
  const auto tail_at = [](double y, double deviation, std::size_t) {
    const double z = y / deviation;
    return Tail{upper_tail(z), -z * density(z)};
  };
  return std::ldexp(integral(counts, least, 10 * counts.rbegin()->first, tail_at).value, exponent);
}

LogSumExp::LogSumExp(Index classes) : classes_(classes) {
  require(classes >= 2 && classes <= kMostClasses, "the number of classes must be between 2 and ", kMostClasses,
          ", got ", classes);
  const auto count = static_cast<double>(classes);
  const double step = step_of(count);
  const auto normal_tail = [step](Index k) {
    const double x = static_cast<double>(k) * step;
    return Tail{upper_tail(x), -x * density(x)};
  };
  maximum_ = wide(count, step, normal_tail).value;
  if (classes == 2) return;
  for (std::size_t piece = 0; piece < 8; ++piece) {
    std::array<double, kTerms> cosine, value, slope;
    for (std::size_t i = 0; i < kTerms; ++i) {
      cosine[i] = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(kTerms));
      const double v = (static_cast<double>(piece) + 0.5 + 0.5 * cosine[i]) / 8, s = kCentre * v / (1 - v);
      const Mean mean = s < 1 ? narrow(s, count) : wide(s, count);
      value[i] = mean.value / (s + kCentre);
      slope[i] = mean.derivative / v;
    }
    to_powers(cosine, value);
    to_powers(cosine, slope);
    for (std::size_t k = 0; k < kTerms; ++k) {
      value_[k][piece] = value[k];
      slope_[k][piece] = slope[k];
    }
  }
}

const LogSumExp& LogSumExp::of(Index classes) {
  static std::mutex mutex;
  static std::map<Index, std::unique_ptr<const LogSumExp>> tables;
  const std::scoped_lock lock(mutex);
  auto& table = tables[classes];
  if (!table) table = std::make_unique<const LogSumExp>(classes);
  return *table;
}

}  // namespace pyrometer::energy
