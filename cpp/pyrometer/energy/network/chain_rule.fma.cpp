#include "pyrometer/energy/network/chain_rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "pyrometer/base/minus_two_log.hpp"
#include "pyrometer/energy/rows/eight_lanes.hpp"

namespace pyrometer::energy {
namespace {

constexpr std::size_t kMost = 32;  // points of a Gauss rule
constexpr std::size_t kInFlight = 3;
constexpr std::size_t kTogether = 8;  // laws, one in each lane
constexpr double kLeastBend = 1e-40;  // of the largest point: smaller points are negligible
constexpr double kStraight = 1e16;    // of the largest point: ln(1 + q / c) is then q / c
constexpr double kTiny = 1e-290;      // weights and squares below are 0
constexpr double kNone = 1e-17;       // of an element beside the diagonal, relative
constexpr double kRare = 1e-6;        // mean in units of a typical larger point

typedef std::int64_t Mask __attribute__((vector_size(64)));  // -1 where a condition holds, else 0

bool any(const Mask& mask) {
  std::int64_t all = 0;
  for (std::size_t k = 0; k < kTogether; ++k) all |= mask[k];
  return all != 0;
}

[[gnu::always_inline]] inline void absolute(const Lanes& x, Lanes& out) { out = x < 0 ? -x : x; }

[[gnu::always_inline]] inline void root(Lanes& x) {
  for (std::size_t k = 0; k < kTogether; ++k) x[k] = std::sqrt(x[k]);
}

/// 1 / d, d positive and normal, and so its inverse.
[[gnu::always_inline]] inline void reciprocal(const Lanes& d, Lanes& r) {
#if defined(__AVX512F__)
  // Two steps of Newton's method on an estimate of 14 bits, which are half as long as a division.
  r = __builtin_ia32_rcp14pd512_mask(d, Lanes{}, 0xFF);
  const Lanes e = 1 - d * r;
  r += r * e;
  r += r * (e * e);
#else
  r = 1 / d;
#endif
}

/// 1 / sqrt(d).
[[gnu::always_inline]] inline void inverse_root(const Lanes& d, Lanes& r) {
#if defined(__AVX512F__)
  r = __builtin_ia32_rsqrt14pd512_mask(d, Lanes{}, 0xFF);
  const Lanes half = 0.5 * d;
  r *= 1.5 - half * (r * r);
  r *= 1.5 - half * (r * r);
#else
  r = d;
  root(r);
  r = 1 / r;
#endif
}

/// Eight symmetric tridiagonal matrices: the three-term recurrences of the orthogonal polynomials of eight laws.
struct Jacobi {
  Lanes diagonal[kMost] = {};
  Lanes beside[kMost] = {};      // beside[i] couples i and i + 1
  Lanes none = Lanes{} + kNone;  // of an element beside the diagonal, relative
  std::size_t size = 0;
};

/// Where beside[i] is negligible.
void split_at(const Jacobi& matrix, std::size_t i, Mask& out) {
  Lanes here, next, beside;
  absolute(matrix.diagonal[i], here);
  absolute(matrix.diagonal[i + 1], next);
  absolute(matrix.beside[i], beside);
  out = beside <= matrix.none * (here + next);
}

/// A sweep of implicit QL with Wilkinson's shift over rows l and below, in the lanes `active`. Blocks below a
/// negligible element are transformed by themselves, with the same shift.
void sweep(Jacobi& matrix, std::size_t l, const Mask& active, Lanes* first) {
  const std::size_t n = matrix.size;
  Lanes *d = matrix.diagonal, *e = matrix.beside;
  Lanes slope = (d[l + 1] - d[l]) / (2 * e[l]), length = slope * slope + 1;
  root(length);
  const Lanes shift = d[l] - e[l] / (slope < 0 ? slope - length : slope + length);
  const Lanes none = {}, unit = none + 1;
  Lanes s = unit, c = unit, p = none, g = d[n - 1] - shift;
  Mask begun = {};  // whether row i + 1 is not the last of its block
  for (std::size_t i = n - 1; i-- > l;) {
    Mask split;
    split_at(matrix, i, split);
    const Lanes f = s * e[i], b = c * e[i];
    const Lanes square = f * f + g * g;
    const Mask turning = square > kTiny;
    Lanes inverse;
    inverse_root(turning ? square : unit, inverse);
    const Lanes r = square * inverse, sine = turning ? f * inverse : none, cosine = turning ? g * inverse : unit;
    const Lanes rest = d[i + 1] - p, step = (d[i] - rest) * sine + 2 * cosine * b, moved = sine * step;
    d[i + 1] = active ? (split ? rest : rest + moved) : d[i + 1];
    e[i + 1] = active ? (begun ? (split ? g : r) : none) : e[i + 1];
    const Mask turned = active & ~split;
    const Lanes upper = first[i], lower = first[i + 1];
    first[i + 1] = turned ? sine * upper + cosine * lower : lower;
    first[i] = turned ? cosine * upper - sine * lower : upper;
    g = split ? d[i] - shift : cosine * step - b;
    s = split ? unit : sine;
    c = split ? unit : cosine;
    p = split ? none : moved;
    begun = ~split;
  }
  d[l] = active ? d[l] - p : d[l];
  e[l] = active ? g : e[l];
}

/// Eigenvalues into diagonal, squared first components of eigenvectors into weight.
void diagonalise(Jacobi& matrix, Lanes* weight) {
  const std::size_t n = matrix.size;
  Lanes first[kMost] = {};
  fill(1, first[0]);
  for (std::size_t l = 0; l + 1 < n; ++l)
    for (int count = 0; count < 60; ++count) {
      Mask split;
      split_at(matrix, l, split);
      if (!any(~split)) break;
      sweep(matrix, l, ~split, first);
    }
  for (std::size_t i = 0; i < n; ++i) weight[i] = first[i] * first[i];
}

/// Eight laws, each in one lane: points, in any order, and weights, of which some may be 0.
struct Laws {
  std::vector<Lanes> point, weight;
  bool alone = false;  // whether there is one law only

  [[nodiscard]] std::size_t size() const { return point.size(); }
  void resize(std::size_t size) {
    point.resize(size);
    weight.resize(size);
  }
};

/// At most eight laws; lanes beyond have the points of the first.
Laws side_by_side(std::span<const Rule> rules) {
  Laws laws;
  laws.alone = rules.size() == 1;
  for (const Rule& rule : rules) laws.resize(std::max(laws.size(), rule.size()));
  for (std::size_t k = 0; k < kTogether; ++k) {
    const Rule& rule = rules[k < rules.size() ? k : 0];
    for (std::size_t i = 0; i < laws.size(); ++i) {
      const bool within = i < rule.size();
      laws.point[i][k] = rule.point[within ? i : 0];
      laws.weight[i][k] = within ? rule.weight[i] : 0;
    }
  }
  return laws;
}

/// A point on its way through the rows of eight Jacobi matrices.
struct Chase {
  Lanes x, past, cosine, sine, t;

  [[gnu::always_inline]] void begin(const Lanes& point, const Lanes& weight) {
    x = point;
    past = weight;
    fill(1, cosine);
    fill(0, sine);
    t = sine;
  }
  /// Through a row: `square` is the mass in the first row, and that of the element before in others.
  [[gnu::always_inline]] void pass(Lanes& diagonal, Lanes& square) {
    const Lanes whole = square + past, one = Lanes{} + 1, before = sine * square, grown = cosine * whole;
    const Mask present = whole > kTiny;
    Lanes inverse, rest;
    reciprocal(present ? whole : one, inverse);
    sine = present ? past * inverse : Lanes{};
    cosine = present ? square * inverse : one;
    const Lanes step = sine * (diagonal - x) - cosine * t;
    diagonal -= step - t;
    const Mask moving = sine > kTiny;
    reciprocal(moving ? sine : one, rest);
    past = moving ? step * (step * rest) : before;
    t = step;
    square = grown;
  }
};

/// The elements beside the diagonal from their squares, at [1] and beyond.
void close(const Lanes* square, std::size_t rows, Jacobi& matrix) {
  for (std::size_t k = 0; k + 1 < rows; ++k) {
    matrix.beside[k] = square[k + 1];
    root(matrix.beside[k]);
  }
  matrix.size = rows;
  // Where nearly all of the weight is at 0, the mean is about the weight of the others, which keep their digits.
  if (rows < 2) return;
  Lanes rare = matrix.diagonal[0] / matrix.diagonal[1];
  rare = ((rare < kRare) & (rare > 0)) ? rare : Lanes{} + 1;
  root(rare);
  matrix.none = kNone * rare;
}

/// The Jacobi matrices of eight laws. Points are added one after the other: a chase from the first row of the matrix
/// downwards, whose rows beyond `size` are not needed (Gragg, Harwood 1984). A point of weight 0 changes nothing.
void recurrence(const Laws& laws, std::size_t size, Jacobi& matrix) {
  const std::size_t points = laws.size(), rows = std::min(size, points);
  Lanes square[kMost] = {};
  std::copy_n(laws.point.begin(), rows, matrix.diagonal);
  // Several points at a time, each a row behind the one before.
  for (std::size_t i = 0; i < points; i += kInFlight) {
    Chase chase[kInFlight];
    std::size_t end[kInFlight];
    for (std::size_t j = 0; j < kInFlight; ++j) {
      const bool within = i + j < points;
      chase[j].begin(laws.point[within ? i + j : i], within ? laws.weight[i + j] : Lanes{});
      end[j] = within ? std::min(i + j + 1, rows) : 0;
    }
    for (std::size_t k = 0; k < end[0] + 2 * kInFlight; ++k)
#pragma GCC unroll 8
      for (std::size_t j = 0; j < kInFlight; ++j)
        if (k >= j && k - j < end[j]) chase[j].pass(matrix.diagonal[k - j], square[k - j]);
  }
  close(square, rows, matrix);
}

/// The Jacobi matrix of one law, with the same bits: every lane adds one point to the matrix by a sequence of
/// rotations, one row behind the lane before, whose rows are its input.
void recurrence_of_one(const Laws& laws, std::size_t size, Jacobi& matrix) {
  const std::size_t points = laws.size(), rows = std::min(size, points);
  const Lanes one = Lanes{} + 1, none = {};
  Lanes square[kMost] = {};
  std::copy_n(laws.point.begin(), rows, matrix.diagonal);
  for (std::size_t i = 0; i < points; i += kTogether) {
    const std::size_t lanes = std::min(kTogether, points - i);
    Lanes weight = none, here = none, mass = none;
    Chase chase{none, none, none, none, none};
    for (std::size_t j = 0; j < lanes; ++j) {
      chase.x[j] = laws.point[i + j][0];
      weight[j] = laws.weight[i + j][0];
    }
    Mask until = {0, 1, 2, 3, 4, 5, 6, 7};  // the point begins
    for (std::size_t k = 0; k + 1 < rows + lanes; ++k) {
      const std::size_t row = std::min(k, rows - 1);
      here = __builtin_shufflevector(matrix.diagonal[row], here, 0, 8, 9, 10, 11, 12, 13, 14);
      mass = __builtin_shufflevector(square[row], mass, 0, 8, 9, 10, 11, 12, 13, 14);
      const Mask first = until == 0;
      until -= 1;
      chase.past = first ? weight : chase.past;
      chase.cosine = first ? one : chase.cosine;
      chase.sine = first ? none : chase.sine;
      chase.t = first ? none : chase.t;
      chase.pass(here, mass);
      if (k + 1 < lanes) continue;
      matrix.diagonal[k + 1 - lanes][0] = here[lanes - 1];
      square[k + 1 - lanes][0] = mass[lanes - 1];
    }
  }
  close(square, rows, matrix);
}

/// ln(1 + x) for n numbers, x >= 0: the rounding of 1 + x is made good by the ratio.
void log_one_plus(double* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const double whole = 1 + x[i], rounded = whole - 1;
    const double log = -0.5 * base::minus_two_log(whole) * (x[i] / (rounded > 0 ? rounded : 1));
    x[i] = rounded > 0 ? log : x[i];
  }
}

/// `compressed` of eight laws.
void compress(Laws& laws, std::size_t size, const Lanes& scale) {
  Lanes low = laws.point[0], high = low;
  for (const Lanes& point : laws.point) {
    low = point < low ? point : low;
    high = point > high ? point : high;
  }
  // In units of the largest point, so that no square leaves the range of a double.
  const Lanes unit = high > 0 ? high : Lanes{} + 1, least = Lanes{} + kLeastBend, part = scale / unit;
  const Lanes c = part > least ? part : least;
  const Mask straight = c > kStraight;
  thread_local Laws bent;
  bent.weight = laws.weight;
  bent.point = laws.point;
  for (Lanes& point : bent.point) point = point / unit / (straight ? Lanes{} + 1 : c);
  std::vector<Lanes> kept;
  if (any(straight)) kept = bent.point;
  log_one_plus(reinterpret_cast<double*>(bent.point.data()), kTogether * laws.size());
  for (std::size_t i = 0; i < kept.size(); ++i) bent.point[i] = straight ? kept[i] : bent.point[i];
  Jacobi matrix;
  (laws.alone ? recurrence_of_one : recurrence)(bent, size, matrix);
  laws.resize(matrix.size);
  diagonalise(matrix, laws.weight.data());
  for (std::size_t i = 0; i < matrix.size; ++i) {
    Lanes value = matrix.diagonal[i];
    for (std::size_t k = 0; k < kTogether; ++k)
      if (!straight[k]) value[k] = c[k] * std::expm1(value[k]);
    value *= unit;
    // The points of a Gauss rule lie within the support; outside is rounding.
    value = value > low ? value : low;
    laws.point[i] = value < high ? value : high;
  }
}

/// The distributions of sums of two independent variables.
void convolve(const Laws& a, const Laws& b, Laws& sum) {
  sum.resize(0);
  sum.alone = a.alone;
  const bool alike = &a == &b;  // terms i + j and j + i are one
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = alike ? i : 0; j < b.size(); ++j) {
      sum.point.push_back(a.point[i] + b.point[j]);
      sum.weight.push_back((alike && j > i ? 2 : 1) * (a.weight[i] * b.weight[j]));
    }
}

/// The rule in a lane, its points in ascending order.
Rule sorted(const Lanes* point, const Lanes* weight, std::size_t size, std::size_t lane) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < size; ++i)
    if (weight[i][lane] > 0) points.emplace_back(point[i][lane], weight[i][lane]);
  std::sort(points.begin(), points.end());
  Rule rule;
  for (const auto& [at, mass] : points) {
    rule.point.push_back(at);
    rule.weight.push_back(mass);
  }
  return rule;
}

constexpr std::size_t kOrders = 2 * kMost;

/// binomial(k, j) at [k][j], k < kOrders.
const auto& binomials() {
  static const auto table = [] {
    std::array<std::array<double, kOrders>, kOrders> out{};
    for (std::size_t k = 0; k < kOrders; ++k) {
      out[k][0] = out[k][k] = 1;
      for (std::size_t j = 1; j < k; ++j) out[k][j] = out[k - 1][j - 1] + out[k - 1][j];
    }
    return out;
  }();
  return table;
}

/// Mean, standard deviation relative to it, and cumulants of orders 2 .. orders - 1 in units of the deviation.
struct Cumulants {
  double mean = 0, deviation = 0, of[kOrders] = {};
};

Cumulants cumulants(const Rule& one, std::size_t orders) {
  const std::size_t n = one.size();
  Cumulants cumulants;
  cumulants.mean = dot(one.point.data(), one.weight.data(), n);
  if (!(cumulants.mean > 0)) return cumulants;
  // In units of the mean, so that no square leaves the range of a double.
  thread_local std::vector<double> x, power;
  x.resize(n);
  power.resize(n);
  double variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = (one.point[i] - cumulants.mean) / cumulants.mean;
    variance += one.weight[i] * x[i] * x[i];
  }
  const double deviation = std::sqrt(variance);
  if (!(deviation > 1e-14)) return cumulants;
  cumulants.deviation = deviation;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] /= deviation;
    power[i] = one.weight[i] * x[i] * x[i];
  }
  double central[kOrders] = {1, 0, 1};
  for (std::size_t k = 3; k < orders; ++k) {
    central[k] = dot(power.data(), x.data(), n);
    for (std::size_t i = 0; i < n; ++i) power[i] *= x[i];
  }
  cumulants.of[2] = 1;
  for (std::size_t k = 3; k < orders; ++k) {
    double value = central[k];
    for (std::size_t j = 2; j + 2 <= k; ++j) value -= binomials()[k - 1][j - 1] * cumulants.of[j] * central[k - j];
    cumulants.of[k] = value;
  }
  return cumulants;
}

/// The recurrence of the standardised sum of `number` variables, into a lane: from the expectations of Hermite
/// polynomials, which obey a recursion over the cumulants beyond the second, by the modified Chebyshev algorithm.
/// Rows beyond a pivot that is not positive are 0.
void recurrence(const Cumulants& one, double number, std::size_t size, std::size_t lane, Jacobi& matrix) {
  const std::size_t orders = 2 * size;
  double cumulant[kOrders] = {}, hermite[kOrders] = {1};
  const double root = std::sqrt(number);
  double power = 1;  // number^(1 - k / 2)
  for (std::size_t k = 3; k < orders; ++k) cumulant[k] = one.of[k] * (power /= root);
  for (std::size_t k = 0; k + 1 < orders; ++k) {
    double value = 0;
    for (std::size_t j = 2; j <= k; ++j) value += binomials()[k][j] * cumulant[j + 1] * hermite[k - j];
    hermite[k + 1] = value;
  }
  double before[kOrders] = {}, now[kOrders], next[kOrders] = {};
  std::copy(hermite, hermite + orders, now);
  double slope = hermite[1], pivot = 0;
  matrix.diagonal[0][lane] = slope;
  for (std::size_t k = 1; k < size; ++k) {
    for (std::size_t l = k; l + k < orders; ++l)
      next[l] =
          now[l + 1] - matrix.diagonal[k - 1][lane] * now[l] - pivot * before[l] + static_cast<double>(l) * now[l - 1];
    pivot = next[k] / now[k - 1];
    if (!(pivot > 0)) return;
    matrix.beside[k - 1][lane] = std::sqrt(pivot);
    const double ratio = next[k + 1] / next[k];
    matrix.diagonal[k][lane] = ratio - slope;
    slope = ratio;
    std::copy(now, now + orders, before);
    std::copy(next, next + orders, now);
  }
}

}  // namespace

double dot(const double* a, const double* b, std::size_t n) {
  // Four partial sums, to hide the latency of additions.
  Lanes sum[4] = {}, x, y;
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (std::size_t k = 0; k < 4; ++k) {
      load(a + i + 8 * k, x);
      load(b + i + 8 * k, y);
      sum[k] += x * y;
    }
  for (; i + 8 <= n; i += 8) {
    load(a + i, x);
    load(b + i, y);
    sum[0] += x * y;
  }
  sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (; i < n; ++i) sum[0][0] += a[i] * b[i];
  return ((sum[0][0] + sum[0][4]) + (sum[0][1] + sum[0][5])) + ((sum[0][2] + sum[0][6]) + (sum[0][3] + sum[0][7]));
}

Rule compressed(const Rule& law, std::size_t size, double c) {
  Laws laws = side_by_side({&law, 1});
  compress(laws, std::min(size, kMost), Lanes{} + c);
  return sorted(laws.point.data(), laws.weight.data(), laws.size(), 0);
}

std::vector<Rule> sums_by_powering(std::span<const Rule> ones, Index count, std::size_t size,
                                   std::span<const double> scales) {
  size = std::min(size, kMost);
  std::vector<Rule> rules;
  Laws base, sum, next;
  for (std::size_t start = 0; start < ones.size(); start += kTogether) {
    const std::size_t number = std::min(kTogether, ones.size() - start);
    Lanes scale;
    for (std::size_t k = 0; k < kTogether; ++k) scale[k] = scales[start + std::min(k, number - 1)];
    base = side_by_side(ones.subspan(start, number));
    compress(base, size, scale);
    int bit = 62;
    while (!(count >> bit & 1)) --bit;
    sum = base;
    while (bit-- > 0) {
      convolve(sum, sum, next);
      compress(next, size, scale);
      std::swap(sum, next);
      if (!(count >> bit & 1)) continue;
      convolve(sum, base, next);
      compress(next, size, scale);
      std::swap(sum, next);
    }
    for (std::size_t k = 0; k < number; ++k)
      rules.push_back(sorted(sum.point.data(), sum.weight.data(), sum.size(), k));
  }
  return rules;
}

std::vector<Rule> sums_by_cumulants(std::span<const Rule> ones, Index count, std::size_t size) {
  size = std::min(size, kMost);
  const double number = static_cast<double>(count);
  std::vector<Rule> rules;
  for (std::size_t start = 0; start < ones.size(); start += kTogether) {
    const std::size_t lanes = std::min(kTogether, ones.size() - start);
    double mean[kTogether] = {}, deviation[kTogether] = {};
    Jacobi matrix;
    matrix.size = size;
    for (std::size_t k = 0; k < lanes; ++k) {
      const Cumulants one = cumulants(ones[start + k], 2 * size);
      mean[k] = one.mean;
      deviation[k] = std::sqrt(number) * one.deviation;
      if (one.deviation > 0) recurrence(one, number, size, k, matrix);
    }
    Lanes weight[kMost];
    diagonalise(matrix, weight);
    for (std::size_t k = 0; k < lanes; ++k) {
      rules.push_back(sorted(matrix.diagonal, weight, size, k));
      for (double& point : rules.back().point) point = mean[k] * (number + deviation[k] * point);
    }
  }
  return rules;
}

}  // namespace pyrometer::energy
