#include "pyrometer/data/complain.hpp"

#include <cmath>
#include <string>

#include "pyrometer/base/require.hpp"

namespace pyrometer::data {
namespace {

// Below this a sum of squares may have lost digits to underflow. Deviations that small are possible only about a mean
// that is itself small: doubles near a larger one lie further apart.
constexpr double kTinySquare = 1e-290, kTinyMean = 1e-128;

bool tiny(double mean, double square) { return square < kTinySquare && std::abs(mean) < kTinyMean; }

std::string printed(double value) { return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"; }

std::string of_column(Index column, Index features) {
  return column < features ? "column " + std::to_string(column) + " of X" : std::string("y");
}

}  // namespace

bool suspicious(Index columns, const double* mean, const double* scatter) {
  double finite = 0;
  for (Index k = 0; k < columns * columns; ++k) finite += scatter[k] * 0;
  bool small = false;
  for (Index j = 0; j < columns; ++j) {
    finite += mean[j] * 0;
    small = small || tiny(mean[j], scatter[j * columns + j]);
  }
  return small || !(finite == 0);
}

template <class T>
void complain(const Stack<T>& data, Index system, const double* mean, const double* scatter) {
  const Index m = data.rows, p = data.features;
  const T *X = data.X + system * m * p, *y = data.y + system * m;
  const std::string where = data.systems > 1 ? "system " + std::to_string(system) + ", " : "";

  Index underflows = -1;
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j <= p; ++j) {
      const double value = j < p ? X[i * p + j] : y[i];
      require(std::isfinite(value), j < p ? "X" : "y", " must be finite, got ", printed(value), " at ", where, "row ", i,
              j < p ? ", column " + std::to_string(j) : "");
      if (value != 0 && underflows < 0 && tiny(mean[j], scatter[j * (p + 1) + j])) underflows = j;
    }
  }
  for (Index j = 0; j <= p; ++j) {
    require(std::isfinite(mean[j]) && std::isfinite(scatter[j * (p + 1) + j]),
            "X and y must have finite second moments, got an overflow", where.empty() ? "" : " in " + where.substr(0, where.size() - 2),
            "; rescale ", of_column(j, p));
  }
  require(underflows < 0, "X and y must have squares that are not lost to underflow, got values too small",
          where.empty() ? "" : " in " + where.substr(0, where.size() - 2), "; rescale ", of_column(underflows, p));
}

template void complain(const Stack<double>&, Index, const double*, const double*);
template void complain(const Stack<float>&, Index, const double*, const double*);

}  // namespace pyrometer::data
