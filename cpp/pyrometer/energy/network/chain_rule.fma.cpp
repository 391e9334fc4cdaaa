#include "pyrometer/energy/network/chain_rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "pyrometer/energy/rows/eight_lanes.hpp"

namespace pyrometer::energy {
namespace {

constexpr std::size_t kMost = 32;     // points of a Gauss rule
constexpr std::size_t kTogether = 8;  // laws, one in each lane
constexpr double kLeastBend = 1e-40;  // of the largest point: smaller points are negligible
constexpr double kStraight = 1e16;    // of the largest point: ln(1 + q / c) is then q / c
constexpr double kNone = 1e-17;       // of an element beside the diagonal, relative

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

/// Eight symmetric tridiagonal matrices: the three-term recurrences of the orthogonal polynomials of eight laws.
struct Jacobi {
  Lanes diagonal[kMost] = {};
  Lanes beside[kMost] = {};  // beside[i] couples i and i + 1
  std::size_t size = 0;
};

/// Where beside[i] is negligible.
void split_at(const Jacobi& matrix, std::size_t i, Mask& out) {
  Lanes here, next, beside;
  absolute(matrix.diagonal[i], here);
  absolute(matrix.diagonal[i + 1], next);
  absolute(matrix.beside[i], beside);
  out = beside <= kNone * (here + next);
}

/// A sweep of implicit QL with Wilkinson's shift over rows l and below, in the lanes `active`. Blocks below a negligible
/// element are transformed by themselves, with the same shift.
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
    Lanes r = f * f + g * g;
    root(r);
    const Lanes inverse = 1 / (r == 0 ? unit : r), sine = f * inverse, cosine = r == 0 ? unit : g * inverse;
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

[[gnu::always_inline]] inline double total(const Lanes& x) {
  return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

/// next minus its projections on `count` orthonormal vectors of length n, a multiple of 8; vectors up to the next
/// multiple of four are 0.
void orthogonalise(const double* basis, std::size_t count, std::size_t n, double* next) {
  for (const double* u = basis; u < basis + count * n; u += 4 * n) {
    Lanes sum[4] = {}, x, y;
    for (std::size_t i = 0; i < n; i += 8) {
      load(next + i, x);
      for (std::size_t j = 0; j < 4; ++j) {
        load(u + j * n + i, y);
        sum[j] += x * y;
      }
    }
    const double part[] = {total(sum[0]), total(sum[1]), total(sum[2]), total(sum[3])};
    for (std::size_t i = 0; i < n; i += 8) {
      load(next + i, x);
      for (std::size_t j = 0; j < 4; ++j) {
        load(u + j * n + i, y);
        x -= part[j] * y;
      }
      store(next + i, x);
    }
  }
}

/// `count` numbers of value 0, at the beginning of a cache line.
double* zeros(std::size_t count) {
  constexpr std::size_t kLine = 64;
  thread_local std::vector<double> memory;
  memory.assign(count + kLine / sizeof(double), 0);
  const auto past = reinterpret_cast<std::uintptr_t>(memory.data()) % kLine;
  return memory.data() + (past > 0 ? (kLine - past) / sizeof(double) : 0);
}

/// Lanczos on diag(y) from sqrt(w), every vector orthogonalised against all before it once more than the recurrence
/// does, into a lane.
void lanczos(const std::vector<double>& y, const std::vector<double>& w, std::size_t size, std::size_t lane,
             Jacobi& matrix) {
  const std::size_t points = y.size(), n = (points + 7) / 8 * 8;
  double *const diagonal = zeros((size + 5) * n), *const next = diagonal + n, *const basis = next + n;
  std::copy(y.begin(), y.end(), diagonal);
  double mass = 0;
  for (const double weight : w) mass += weight;
  for (std::size_t i = 0; i < points; ++i) basis[i] = std::sqrt(w[i] / mass);
  const double least = 1e-14 * *std::max_element(y.begin(), y.end());
  for (std::size_t k = 0;; ++k) {
    const double *v = basis + k * n, *past = k > 0 ? v - n : v;
    for (std::size_t i = 0; i < n; ++i) next[i] = diagonal[i] * v[i];
    const double middle = dot(next, v, n), before = k > 0 ? matrix.beside[k - 1][lane] : 0;
    matrix.diagonal[k][lane] = middle;
    matrix.size = std::max(matrix.size, k + 1);
    if (k + 1 == size || k + 1 == points) break;
    // The result of the recurrence is orthogonal up to rounding, which one pass removes.
    for (std::size_t i = 0; i < n; ++i) next[i] = next[i] - middle * v[i] - before * past[i];
    orthogonalise(basis, k + 1, n, next);
    const double norm = std::sqrt(dot(next, next, n));
    if (!(norm > least)) break;
    matrix.beside[k][lane] = norm;
    for (std::size_t i = 0; i < n; ++i) basis[(k + 1) * n + i] = next[i] * (1 / norm);
  }
}

/// `compressed` of at most eight laws.
std::vector<Rule> compressed(std::span<const Rule> laws, std::size_t size, std::span<const double> scales) {
  double low[kTogether], high[kTogether], c[kTogether];
  Jacobi matrix;
  std::vector<double> y;
  for (std::size_t k = 0; k < laws.size(); ++k) {
    const auto [least, most] = std::minmax_element(laws[k].point.begin(), laws[k].point.end());
    low[k] = *least;
    high[k] = *most;
    // In units of the largest point, so that no square leaves the range of a double.
    const double unit = high[k] > 0 ? high[k] : 1;
    c[k] = std::max(scales[k] / unit, kLeastBend);
    y = laws[k].point;
    for (double& value : y) value = c[k] > kStraight ? value / unit : std::log1p(value / unit / c[k]);
    lanczos(y, laws[k].weight, size, k, matrix);
  }
  Lanes weight[kMost];
  diagonalise(matrix, weight);
  std::vector<Rule> rules(laws.size());
  for (std::size_t k = 0; k < laws.size(); ++k)
    for (std::size_t i = 0; i < matrix.size; ++i) {
      if (!(weight[i][k] > 0)) continue;  // of a law with fewer points
      const double value = matrix.diagonal[i][k];
      // The points of a Gauss rule lie within the support; outside is rounding.
      rules[k].point.push_back(
          std::clamp(high[k] * (c[k] > kStraight ? value : c[k] * std::expm1(value)), low[k], high[k]));
      rules[k].weight.push_back(weight[i][k]);
    }
  return rules;
}

/// The distribution of the sum of two independent variables.
Rule convolved(const Rule& a, const Rule& b) {
  Rule sum;
  sum.point.reserve(a.size() * b.size());
  sum.weight.reserve(a.size() * b.size());
  const bool alike = &a == &b;  // terms i + j and j + i are one
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = alike ? i : 0; j < b.size(); ++j) {
      sum.point.push_back(a.point[i] + b.point[j]);
      sum.weight.push_back((alike && j > i ? 2 : 1) * (a.weight[i] * b.weight[j]));
    }
  return sum;
}

std::vector<Rule> convolved(const std::vector<Rule>& a, const std::vector<Rule>& b) {
  std::vector<Rule> sums;
  for (std::size_t k = 0; k < a.size(); ++k) sums.push_back(convolved(a[k], (&a == &b ? a : b)[k]));
  return sums;
}

/// With its points in ascending order.
Rule sorted(const Rule& rule) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < rule.size(); ++i) points.emplace_back(rule.point[i], rule.weight[i]);
  std::sort(points.begin(), points.end());
  Rule found;
  for (const auto& [point, weight] : points) {
    found.point.push_back(point);
    found.weight.push_back(weight);
  }
  return found;
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
  Cumulants found;
  found.mean = dot(one.point.data(), one.weight.data(), n);
  if (!(found.mean > 0)) return found;
  // In units of the mean, so that no square leaves the range of a double.
  thread_local std::vector<double> x, power;
  x.resize(n);
  power.resize(n);
  double variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = (one.point[i] - found.mean) / found.mean;
    variance += one.weight[i] * x[i] * x[i];
  }
  const double deviation = std::sqrt(variance);
  if (!(deviation > 1e-14)) return found;
  found.deviation = deviation;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] /= deviation;
    power[i] = one.weight[i] * x[i] * x[i];
  }
  double central[kOrders] = {1, 0, 1};
  for (std::size_t k = 3; k < orders; ++k) {
    central[k] = dot(power.data(), x.data(), n);
    for (std::size_t i = 0; i < n; ++i) power[i] *= x[i];
  }
  found.of[2] = 1;
  for (std::size_t k = 3; k < orders; ++k) {
    double value = central[k];
    for (std::size_t j = 2; j + 2 <= k; ++j) value -= binomials()[k - 1][j - 1] * found.of[j] * central[k - j];
    found.of[k] = value;
  }
  return found;
}

/// The recurrence of the standardised sum of `number` variables, into a lane: from the expectations of Hermite
/// polynomials, which obey a recursion over the cumulants beyond the second, by the modified Chebyshev algorithm.
/// Rows beyond a pivot that is not positive are 0.
void recurrence(const Cumulants& one, double number, std::size_t size, std::size_t lane, Jacobi& matrix) {
  const std::size_t orders = 2 * size;
  double cumulant[kOrders] = {}, hermite[kOrders] = {1};
  for (std::size_t k = 3; k < orders; ++k) cumulant[k] = one.of[k] * std::pow(number, 1 - 0.5 * static_cast<double>(k));
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
  return sorted(compressed(std::span(&law, 1), std::min(size, kMost), std::span(&c, 1))[0]);
}

std::vector<Rule> sums_by_powering(std::span<const Rule> ones, Index count, std::size_t size,
                                   std::span<const double> scales) {
  size = std::min(size, kMost);
  std::vector<Rule> rules;
  for (std::size_t start = 0; start < ones.size(); start += kTogether) {
    const std::size_t number = std::min(kTogether, ones.size() - start);
    const std::span<const double> scale = scales.subspan(start, number);
    const std::vector<Rule> base = compressed(ones.subspan(start, number), size, scale);
    int bit = 62;
    while (!(count >> bit & 1)) --bit;
    std::vector<Rule> sum = base;
    while (bit-- > 0) {
      sum = compressed(convolved(sum, sum), size, scale);
      if (count >> bit & 1) sum = compressed(convolved(sum, base), size, scale);
    }
    for (const Rule& rule : sum) rules.push_back(sorted(rule));
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
      Rule rule;
      for (std::size_t i = 0; i < size; ++i) {
        if (!(weight[i][k] > 0)) continue;
        rule.point.push_back(mean[k] * (number + deviation[k] * matrix.diagonal[i][k]));
        rule.weight.push_back(weight[i][k]);
      }
      rules.push_back(sorted(rule));
    }
  }
  return rules;
}

}  // namespace pyrometer::energy
