#include "pyrometer/energy/network/orthogonal.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kLanes = 32;  // partial sums: their order is the same for vectors of any width
constexpr Index kTogether = 4;

/// Sums of products of one vector with `count` others, 1 .. kTogether, each `stride` after the one before.
template <int kCount>
void dots(const double* v, const double* x, Index stride, Index size, double* out) {
  double sum[kCount][kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes)
    for (int c = 0; c < kCount; ++c)
      for (Index lane = 0; lane < kLanes; ++lane) sum[c][lane] += v[i + lane] * x[c * stride + i + lane];
  for (int c = 0; c < kCount; ++c) {
    for (Index rest = i; rest < size; ++rest) sum[c][rest - i] += v[rest] * x[c * stride + rest];
    for (Index half = kLanes / 2; half > 0; half /= 2)
      for (Index lane = 0; lane < half; ++lane) sum[c][lane] += sum[c][lane + half];
    out[c] = sum[c][0];
  }
}

/// x_c -= beta (v . x_c) v for `count` vectors x_c.
template <int kCount>
void reflect(const double* v, double beta, double* x, Index stride, Index size) {
  double factor[kCount];
  dots<kCount>(v, x, stride, size, factor);
  for (int c = 0; c < kCount; ++c) {
    double* __restrict column = x + c * stride;
    const double share = beta * factor[c];
    for (Index i = 0; i < size; ++i) column[i] -= share * v[i];
  }
}

void reflect_all(const double* v, double beta, double* x, Index stride, Index size, Index count) {
  for (; count >= kTogether; count -= kTogether, x += kTogether * stride) reflect<kTogether>(v, beta, x, stride, size);
  for (; count > 0; --count, x += stride) reflect<1>(v, beta, x, stride, size);
}

/// Replaces k columns of p numbers, one after the other, by orthonormal ones with the same spans, p >= k; the product
/// of each with the column that it replaces is positive. Reflection j is 1 - beta v v^T, with v in column j from its
/// j-th number on.
void orthonormalise(Index p, Index k, double* columns) {
  std::vector<double> beta(at(k)), sign(at(k));
  for (Index j = 0; j < k; ++j) {
    base::throw_if_interrupted();
    double* const v = columns + j * p + j;
    double norm = 0;
    dots<1>(v, v, 0, p - j, &norm);
    norm = std::sqrt(norm);
    sign[at(j)] = v[0] < 0 ? 1 : -1;  // of the diagonal of R
    beta[at(j)] = norm > 0 ? 1 / (norm * (norm + std::abs(v[0]))) : 0;
    v[0] -= sign[at(j)] * norm;
    reflect_all(v, beta[at(j)], v + p, p, p - j, k - j - 1);
  }
  for (Index j = k - 1; j >= 0; --j) {
    base::throw_if_interrupted();
    double* const v = columns + j * p + j;
    reflect_all(v, beta[at(j)], v + p, p, p - j, k - j - 1);
    const double share = beta[at(j)] * v[0];
    for (Index i = p - j - 1; i >= 0; --i) v[i] *= -share;
    v[0] += 1;
    std::fill(columns + j * p, v, 0.0);
  }
  for (Index j = 0; j < k; ++j)
    for (Index i = 0; i < p; ++i) columns[j * p + i] *= sign[at(j)];
}

}  // namespace

template <class T>
void orthogonal(base::Seed seed, Index draw, Index first, Index rows, Index cols, T* out) {
  require(first >= 0 && rows >= 1 && cols >= 1, "first must be at least 0, rows and cols at least 1, got ", first, ", ",
          rows, " and ", cols);
  const Index size = rows * cols, odd = first % 2, p = std::max(rows, cols), k = std::min(rows, cols);
  std::vector<T> numbers(at(size + odd));
  base::normals(seed, draw, 1, first - odd, size + odd, numbers.data());
  // Entry (i, j) as column-major, of the transposed matrix if rows < cols.
  const auto place = [&](Index i) { return rows < cols ? i : i % cols * rows + i / cols; };
  std::vector<double> columns(at(size));
  for (Index i = 0; i < size; ++i) columns[at(place(i))] = static_cast<double>(numbers[at(odd + i)]);
  orthonormalise(p, k, columns.data());
  const double scale = std::sqrt(static_cast<double>(p));
  for (Index i = 0; i < size; ++i) out[i] = static_cast<T>(scale * columns[at(place(i))]);
}

template void orthogonal(base::Seed, Index, Index, Index, Index, double*);
template void orthogonal(base::Seed, Index, Index, Index, Index, float*);

}  // namespace pyrometer::energy
