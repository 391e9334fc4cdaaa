#include "pyrometer/minimum/absolute/inverse.hpp"

#include <algorithm>
#include <cmath>

namespace pyrometer::minimum::absolute {

bool invert(Vec& z, Index n, Vec& w) {
  Vec right(at(n * n));  // row-major; starts as diagonal, with what makes the rows' largest elements about 1
  for (Index i = 0; i < n; ++i) {
    double largest = 0;
    for (Index j = 0; j < n; ++j) largest = std::max(largest, std::abs(z[at(i * n + j)]));
    if (!(largest > 0) || !std::isfinite(largest)) return false;
    const double factor = std::ldexp(1.0, -std::clamp(std::ilogb(largest), -1000, 1000));
    for (Index j = 0; j < n; ++j) z[at(i * n + j)] *= factor;
    right[at(i * n + i)] = factor;
  }
  for (Index k = 0; k < n; ++k) {
    Index pivot = k;
    for (Index i = k + 1; i < n; ++i)
      if (std::abs(z[at(i * n + k)]) > std::abs(z[at(pivot * n + k)])) pivot = i;
    if (!(std::abs(z[at(pivot * n + k)]) > 1e-13)) return false;
    if (pivot != k) {
      std::swap_ranges(z.begin() + k * n, z.begin() + (k + 1) * n, z.begin() + pivot * n);
      std::swap_ranges(right.begin() + k * n, right.begin() + (k + 1) * n, right.begin() + pivot * n);
    }
    const double inverse = 1 / z[at(k * n + k)];
    for (Index j = 0; j < n; ++j) {
      z[at(k * n + j)] *= inverse;
      right[at(k * n + j)] *= inverse;
    }
    for (Index i = 0; i < n; ++i) {
      const double factor = z[at(i * n + k)];
      if (i == k || factor == 0) continue;
      for (Index j = k; j < n; ++j) z[at(i * n + j)] -= factor * z[at(k * n + j)];
      for (Index j = 0; j < n; ++j) right[at(i * n + j)] -= factor * right[at(k * n + j)];
    }
  }
  w.resize(at(n * n));
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) w[at(j * n + i)] = right[at(i * n + j)];
  return true;
}

}  // namespace pyrometer::minimum::absolute
