#include "pyrometer/data/merge.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "pyrometer/base/require.hpp"

namespace pyrometer::data {
namespace {

// The part of |scatter(j, j)| that rounding explains: of the three terms, and of delta, whose means are rounded.
double rounding(double a, double b, double weight, double delta, double mean_a, double mean_b) {
  constexpr double kEps = 64 * std::numeric_limits<double>::epsilon();
  const double error = kEps * (std::abs(mean_a) + std::abs(mean_b));
  return kEps * (std::abs(a) + std::abs(b) + weight * delta * delta) + weight * error * (2 * std::abs(delta) + error);
}

}  // namespace

void merge_moments(const MomentsView& a, const MomentsView& b, int sign, Index columns, double* mean, double* scatter) {
  require(sign == 1 || sign == -1, "sign must be 1 or -1, got ", sign);
  require(a.count >= 1 && b.count >= 1, "counts must be at least 1, got ", a.count, " and ", b.count);
  require(sign == 1 || a.count > b.count, "b must have fewer rows than a, got ", b.count, " and ", a.count);
  const double n_a = static_cast<double>(a.count), n_b = sign * static_cast<double>(b.count), n = n_a + n_b;
  const double share = n_b / n, weight = n_a * share;

  std::vector<double> delta(static_cast<std::size_t>(columns));
  double finite = 0;
  for (Index j = 0; j < columns; ++j) {
    const double d = b.mean[j] - a.mean[j];
    delta[static_cast<std::size_t>(j)] = d;
    mean[j] = a.mean[j] + d * share;
    finite += mean[j] * mean[j] * 0;
  }
  for (Index i = 0; i < columns; ++i) {
    const double *row_a = a.scatter + i * columns, *row_b = b.scatter + i * columns,
                 d = delta[static_cast<std::size_t>(i)];
    double* row = scatter + i * columns;
    for (Index j = 0; j < columns; ++j) {
      // delta delta' first: symmetric to the last bit.
      row[j] = (row_a[j] + sign * row_b[j]) + weight * (d * delta[static_cast<std::size_t>(j)]);
      finite += row[j] * 0;
    }
  }
  require(finite == 0, "second moments overflow: a and b must have finite squares together; rescale their data");
  if (sign == 1) return;
  for (Index j = 0; j < columns; ++j) {
    const Index jj = j * columns + j;
    require(scatter[jj] >= -rounding(a.scatter[jj], b.scatter[jj], std::abs(weight), delta[static_cast<std::size_t>(j)],
                                     a.mean[j], b.mean[j]),
            "b is not part of a: without it the squares of column ", j, " would add up to ", scatter[jj]);
    // What is left is rounding: a column without scatter, as one row has by nature.
    if (scatter[jj] <= 0 || n == 1)
      for (Index k = 0; k < columns; ++k) scatter[j * columns + k] = scatter[k * columns + j] = 0;
  }
}

}  // namespace pyrometer::data
