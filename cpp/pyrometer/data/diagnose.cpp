#include "pyrometer/data/diagnose.hpp"

#include <cmath>
#include <string>

#include "pyrometer/base/require.hpp"

namespace pyrometer::data {
namespace {

// Below this a sum of squares may have underflowed. Such small deviations are possible only about a small mean: doubles
// near a larger one are further apart.
constexpr double kTinySquare = 1e-290, kTinyMean = 1e-128;
// Above this a sum of products may have overflowed.
constexpr double kHugeSquare = 1e308;

bool tiny(double mean, double square) { return square < kTinySquare && std::abs(mean) < kTinyMean; }

// Whether a number of such a column, whose first one is given, shows that squares did underflow: the deviations of a
// constant column are 0.
bool underflows(double value, double first) { return value != first || (value != 0 && value * value < kTinySquare); }

}  // namespace

bool suspicious(Index columns, const double* mean, const double* scatter) {
  // A sum of products is at most the greater of the two sums of squares, up to rounding.
  bool good = true;
  for (Index j = 0; j < columns; ++j) {
    const double square = scatter[j * (columns + 1)];
    good &= mean[j] * mean[j] + square < kHugeSquare && !tiny(mean[j], square);
  }
  return !good;
}

template <class T>
void diagnose(const Stack<T>& data, Index system, const double* mean, const double* scatter) {
  const Index m = data.rows, p = data.features, columns = p + 1;
  const T* y = data.y + system * m;
  const std::string number = std::to_string(system), where = data.systems > 1 ? "system " + number + ", " : "";

  Index underflow = -1;
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j <= p; ++j) {
      const double value = j < p ? data.at(system, i, j) : static_cast<double>(y[i]);
      require(std::isfinite(value) || j == p, "X must be finite, got ", Printed{value}, " at ", where, "row ", i,
              ", column ", j, "; drop or fill it");
      require(std::isfinite(value), "y must be finite, got ", Printed{value}, " at ", where, "row ", i,
              "; drop or fill it");
      if (underflow < 0 && tiny(mean[j], scatter[j * columns + j]) &&
          underflows(value, j < p ? data.at(system, 0, j) : static_cast<double>(y[0])))
        underflow = j;
    }
  }

  Index overflow = -1;
  for (Index j = 0; j < columns && overflow < 0; ++j) {
    if (!std::isfinite(mean[j] * mean[j] + scatter[j * columns + j])) overflow = j;
  }
  for (Index k = 0; k < columns * columns && overflow < 0; ++k) {
    if (!std::isfinite(scatter[k])) overflow = k / columns;
  }
  const auto name = [&](Index j) {
    return (j < p ? "column " + std::to_string(j) + " of X" : "y") + (data.systems > 1 ? " in system " + number : "");
  };
  require(overflow < 0, "second moments overflow: X and y must have finite squares; rescale ", name(overflow));
  require(underflow < 0,
          "second moments underflow: the squares of X and y, and of what columns differ by from their means, must be 0 "
          "or above 1e-290; rescale ",
          name(underflow));
}

template void diagnose(const Stack<double>&, Index, const double*, const double*);
template void diagnose(const Stack<float>&, Index, const double*, const double*);

}  // namespace pyrometer::data
