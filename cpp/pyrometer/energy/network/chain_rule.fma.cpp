#include "pyrometer/energy/network/chain_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/energy/rows/eight_lanes.hpp"

namespace pyrometer::energy {
namespace {

constexpr std::size_t kMost = 32;     // points of a Gauss rule
constexpr double kLeastBend = 1e-40;  // of the largest point: smaller points are negligible
constexpr double kStraight = 1e16;    // of the largest point: ln(1 + q / c) is then q / c

/// A symmetric tridiagonal matrix: the three-term recurrence of a law's orthogonal polynomials.
struct Jacobi {
  double diagonal[kMost];
  double beside[kMost];  // beside[i] couples i and i + 1
  std::size_t size = 0;
};

/// Eigenvalues into diagonal, squared first components of eigenvectors into weight, by implicit QL with Wilkinson's
/// shift.
void diagonalise(Jacobi& matrix, double* weight) {
  const std::size_t n = matrix.size;
  double *d = matrix.diagonal, *e = matrix.beside, first[kMost] = {1};
  e[n - 1] = 0;
  for (std::size_t l = 0; l < n; ++l) {
    for (int sweep = 0; sweep < 60; ++sweep) {
      std::size_t m = l;
      while (m + 1 < n && std::abs(e[m]) > 1e-17 * (std::abs(d[m]) + std::abs(d[m + 1]))) ++m;
      if (m == l) break;
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = std::hypot(g, 1.0);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      bool split = false;
      for (std::size_t i = m; i-- > l;) {
        double f = s * e[i];
        const double b = c * e[i];
        r = std::sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {
          d[i + 1] -= p;
          e[m] = 0;
          split = true;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        f = first[i + 1];
        first[i + 1] = s * first[i] + c * f;
        first[i] = c * first[i] - s * f;
      }
      if (split) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  for (std::size_t i = 0; i < n; ++i) weight[i] = first[i] * first[i];
  for (std::size_t i = 1; i < n; ++i)  // insertion sort: few and nearly ordered
    for (std::size_t j = i; j > 0 && d[j] < d[j - 1]; --j) {
      std::swap(d[j], d[j - 1]);
      std::swap(weight[j], weight[j - 1]);
    }
}

/// Lanczos on diag(y) from sqrt(w), every vector orthogonalised against all before it once more than the recurrence
/// does.
Jacobi lanczos(const std::vector<double>& y, const std::vector<double>& w, std::size_t size) {
  const std::size_t n = y.size();
  thread_local std::vector<double> basis;
  basis.resize((size + 1) * n);
  Jacobi matrix;
  double total = 0;
  for (const double weight : w) total += weight;
  for (std::size_t i = 0; i < n; ++i) basis[i] = std::sqrt(w[i] / total);
  double scale = 0;
  for (const double value : y) scale = std::max(scale, std::abs(value));
  for (std::size_t k = 0; k < size; ++k) {
    const double* v = &basis[k * n];
    double* next = &basis[(k + 1) * n];
    for (std::size_t i = 0; i < n; ++i) next[i] = y[i] * v[i];
    matrix.diagonal[k] = dot(next, v, n);
    matrix.beside[k] = 0;
    matrix.size = k + 1;
    if (k + 1 == size || k + 1 == n) break;
    // The result of the recurrence is orthogonal up to rounding, which one pass removes.
    const double* past = k > 0 ? v - n : v;
    const double middle = matrix.diagonal[k], before = k > 0 ? matrix.beside[k - 1] : 0;
    for (std::size_t i = 0; i < n; ++i) next[i] = next[i] - middle * v[i] - before * past[i];
    for (std::size_t j = k + 1; j-- > 0;) {
      const double* u = &basis[j * n];
      const double part = dot(next, u, n);
      for (std::size_t i = 0; i < n; ++i) next[i] -= part * u[i];
    }
    const double norm = std::sqrt(dot(next, next, n));
    if (!(norm > 1e-14 * scale)) break;
    matrix.beside[k] = norm;
    for (std::size_t i = 0; i < n; ++i) next[i] /= norm;
  }
  return matrix;
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
  size = std::min(size, kMost);
  const auto [least, most] = std::minmax_element(law.point.begin(), law.point.end());
  const double low = *least, high = *most;
  if (!(high > 0)) return {{high}, {1.0}};
  // In units of the largest point, so that no square leaves the range of a double.
  c = std::max(c / high, kLeastBend);
  const bool straight = c > kStraight;
  std::vector<double> y(law.point);
  for (double& value : y) value = straight ? value / high : std::log1p(value / high / c);
  Jacobi matrix = lanczos(y, law.weight, size);
  Rule rule{std::vector<double>(matrix.size), std::vector<double>(matrix.size)};
  diagonalise(matrix, rule.weight.data());
  // The points of a Gauss rule lie within the support; outside is rounding.
  for (std::size_t i = 0; i < matrix.size; ++i) {
    const double value = matrix.diagonal[i];
    rule.point[i] = std::clamp(high * (straight ? value : c * std::expm1(value)), low, high);
  }
  return rule;
}

Rule sum_by_powering(const Rule& one, Index count, std::size_t size, double c) {
  const Rule base = compressed(one, size, c);
  int bit = 62;
  while (!(count >> bit & 1)) --bit;
  Rule sum = base;
  while (bit-- > 0) {
    sum = compressed(convolved(sum, sum), size, c);
    if (count >> bit & 1) sum = compressed(convolved(sum, base), size, c);
  }
  return sum;
}

Rule sum_by_cumulants(const Rule& one, Index count, std::size_t size) {
  constexpr std::size_t kOrders = 2 * kMost;
  size = std::min(size, kMost);
  const std::size_t orders = 2 * size, n = one.size();
  const double number = static_cast<double>(count);
  const double mean = dot(one.point.data(), one.weight.data(), n);
  if (!(mean > 0)) return {{number * mean}, {1.0}};
  // In units of the mean, so that no square leaves the range of a double.
  thread_local std::vector<double> x, power;
  x.resize(n);
  power.resize(n);
  double variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = (one.point[i] - mean) / mean;
    variance += one.weight[i] * x[i] * x[i];
  }
  const double deviation = std::sqrt(variance);
  if (!(deviation > 1e-14)) return {{number * mean}, {1.0}};

  double central[kOrders] = {1, 0, 1}, cumulant[kOrders] = {}, binomial[kOrders][kOrders];
  for (std::size_t k = 0; k < orders; ++k) {
    binomial[k][0] = binomial[k][k] = 1;
    for (std::size_t j = 1; j < k; ++j) binomial[k][j] = binomial[k - 1][j - 1] + binomial[k - 1][j];
  }
  for (std::size_t i = 0; i < n; ++i) {
    x[i] /= deviation;
    power[i] = one.weight[i] * x[i] * x[i];
  }
  for (std::size_t k = 3; k < orders; ++k) {
    central[k] = dot(power.data(), x.data(), n);
    for (std::size_t i = 0; i < n; ++i) power[i] *= x[i];
  }
  cumulant[2] = 1;
  for (std::size_t k = 3; k < orders; ++k) {
    double value = central[k];
    for (std::size_t j = 2; j + 2 <= k; ++j) value -= binomial[k - 1][j - 1] * cumulant[j] * central[k - j];
    cumulant[k] = value;
  }
  // Of the standardised sum, and without the second, which the Hermite polynomials have taken away.
  for (std::size_t k = 3; k < orders; ++k) cumulant[k] *= std::pow(number, 1 - 0.5 * static_cast<double>(k));
  cumulant[2] = 0;

  double hermite[kOrders] = {1};
  for (std::size_t k = 0; k + 1 < orders; ++k) {
    double value = 0;
    for (std::size_t j = 2; j <= k; ++j) value += binomial[k][j] * cumulant[j + 1] * hermite[k - j];
    hermite[k + 1] = value;
  }

  Jacobi matrix;
  double before[kOrders] = {}, now[kOrders], next[kOrders] = {};
  std::copy(hermite, hermite + orders, now);
  double slope = hermite[1], pivot = 0;
  matrix.diagonal[0] = slope;
  matrix.size = 1;
  for (std::size_t k = 1; k < size; ++k) {
    for (std::size_t l = k; l + k < orders; ++l)
      next[l] = now[l + 1] - matrix.diagonal[k - 1] * now[l] - pivot * before[l] + static_cast<double>(l) * now[l - 1];
    pivot = next[k] / now[k - 1];
    if (!(pivot > 0)) break;
    matrix.beside[k - 1] = std::sqrt(pivot);
    const double ratio = next[k + 1] / next[k];
    matrix.diagonal[k] = ratio - slope;
    slope = ratio;
    matrix.size = k + 1;
    std::copy(now, now + orders, before);
    std::copy(next, next + orders, now);
  }
  Rule rule{std::vector<double>(matrix.size), std::vector<double>(matrix.size)};
  diagonalise(matrix, rule.weight.data());
  for (std::size_t i = 0; i < matrix.size; ++i)
    rule.point[i] = mean * (number + std::sqrt(number) * deviation * matrix.diagonal[i]);
  return rule;
}

}  // namespace pyrometer::energy
