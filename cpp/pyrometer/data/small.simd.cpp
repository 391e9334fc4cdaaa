#include "pyrometer/data/small.hpp"

#include <algorithm>

#include "pyrometer/base/simd.hpp"

namespace pyrometer::data {
namespace {

constexpr Index kSystems = base::kLanes<double>;
using V = base::Vec<double>;
// Rows whose products are added at once: as many as the packed columns hold.
constexpr Index kDepth = kBlock / kSystems;

// The systems of the lanes; lanes beyond the last system repeat it.
template <class T>
struct Lanes {
  const T *X[kSystems], *y[kSystems];

  Lanes(const Stack<T>& data, Index first) {
    for (Index lane = 0; lane < kSystems; ++lane) {
      const Index system = std::min(first + lane, data.systems - 1);
      X[lane] = data.X + system * data.rows * data.features;
      y[lane] = data.y + system * data.rows;
    }
  }
};

// Reads a column, `step` numbers from row to row; returns the mean, of differences to the first row.
template <class T>
void read_column(const T* const (&from)[kSystems], Index offset, Index step, Index rows, double* to, V& mean) {
  V first = {}, sum = {};
  for (Index k = 0; k < rows; ++k, offset += step) {
    V v;
    for (Index lane = 0; lane < kSystems; ++lane) v[lane] = static_cast<double>(from[lane][offset]);
    if (k == 0) first = v;
    base::store<double>(to + k * kSystems, v);
    sum += v - first;
  }
  mean = first + sum / static_cast<double>(rows);
}

// Moments of the lanes, the upper triangle of the scatter.
struct Moments {
  V mean[kFew], low[kFew], squares[kFew], scatter[kFew][kFew];
};

// From sums about the shift and sums of products, as of add_few(). The mean is a sum of two doubles.
void finish(Index rows, Index columns, const V (&shift)[kFew], const double* sums, Moments& moments) {
  const double n = static_cast<double>(rows);
  V off[kFew];
  for (Index j = 0; j < columns; ++j) {
    base::load(sums + j * kSystems, off[j]);
    off[j] /= n;
    const V mean = shift[j] + off[j], moved = mean - shift[j];
    moments.mean[j] = mean;
    moments.low[j] = (shift[j] - (mean - moved)) + (off[j] - moved);
    for (Index i = 0; i <= j; ++i) {
      V& product = moments.scatter[i][j];
      base::load(sums + few_product(columns, i, j), product);
      if (i == j) moments.squares[j] = product;
      product -= n * (off[i] * off[j]);
    }
  }
}

void write(const Moments& moments, Index lane, Index columns, Index system, Index systems, const MomentsOut& to) {
  double *mean = to.mean + system * columns, *scatter = to.scatter + system * columns * columns;
  double *low = to.once + system * columns, *squares = low + systems * columns, *left = squares + systems * columns;
  for (Index j = 0; j < columns; ++j) {
    mean[j] = moments.mean[j][lane];
    low[j] = moments.low[j][lane];
    squares[j] = moments.squares[j][lane];
    left[j] = moments.scatter[j][j][lane];
    for (Index i = 0; i <= j; ++i) scatter[i * columns + j] = scatter[j * columns + i] = moments.scatter[i][j][lane];
  }
}

}  // namespace

template <class T>
void small_moments(const Stack<T>& data, Index first, double* rows, double* packed, double* products,
                   const MomentsOut& to) {
  const Index m = data.rows, p = data.features, columns = p + 1;
  const Lanes<T> lanes(data, first);
  V shift[kFew];
  for (Index j = 0; j < p; ++j)
    read_column(lanes.X, data.by_columns ? j * m : j, data.by_columns ? 1 : p, m, rows + j * m * kSystems, shift[j]);
  read_column(lanes.y, 0, 1, m, rows + p * m * kSystems, shift[p]);

  std::fill_n(products, few_sums(columns), 0.0);
  const auto ahead = [&](const T* from, Index numbers) {
    return reinterpret_cast<const char*>(from + kSystems * numbers);
  };
  const Following next{ahead(lanes.X[0], m * p), m * kSystems * static_cast<Index>(sizeof(T)), ahead(lanes.y[0], m),
                       sizeof(T)};
  for (Index begin = 0; begin < m; begin += kDepth) {
    const Index depth = std::min(kDepth, m - begin);
    for (Index j = 0; j < columns; ++j)
      for (Index k = 0; k < depth; ++k) {
        V v;
        base::load(rows + (j * m + begin + k) * kSystems, v);
        base::store<double>(packed + j * kFewStride + k * kSystems, v - shift[j]);
      }
    add_few(packed, depth * kSystems, columns, products, next);
  }

  Moments moments;
  finish(m, columns, shift, products, moments);
  for (Index lane = 0; lane < std::min(kSystems, data.systems - first); ++lane)
    write(moments, lane, columns, first + lane, data.systems, to);
}

template void small_moments(const Stack<double>&, Index, double*, double*, double*, const MomentsOut&);
template void small_moments(const Stack<float>&, Index, double*, double*, double*, const MomentsOut&);

}  // namespace pyrometer::data
