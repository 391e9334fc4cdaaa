#include "pyrometer/minimum/dense/row_qr.hpp"

#ifndef __clang__  // GCC 12 warns about its own AVX-512 intrinsics (PR 105593) once Eigen inlines them.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"

namespace pyrometer::minimum {
namespace {

using View = Eigen::Ref<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

// The first `rows` rows of `work`.
View part_of(Columns& work, Index rows) {
  return Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>(work.cells.data(), rows, work.cols,
                                                              Eigen::OuterStride<>(work.rows));
}

// Replaces the first `rows` rows of `work` by their R. Returns its number of rows.
Index reduce(Columns& work, Index rows) {
  const Index height = std::min(rows, work.cols);
  if (rows <= 1) return height;
  View part = part_of(work, rows);
  const Eigen::HouseholderQR<View> qr(part);
  for (Index j = 0; j < work.cols; ++j)
    std::fill(work.column(j) + std::min(j + 1, height), work.column(j) + height, 0.0);
  return height;
}

Columns top(const Columns& work, Index rows) {
  Columns result(rows, work.cols);
  for (Index j = 0; j < work.cols; ++j) std::copy_n(work.column(j), rows, result.column(j));
  return result;
}

}  // namespace

Split split(const Shape& shape) {
  const Index n = shape.columns() + 1;
  // A block adds 4 n rows to the n of the triangle, and a chunk has two blocks: merging two triangles costs 10 n^3 / 3
  // flops.
  const Index block = std::max({Index{64}, 4 * n, 8192 / n});
  const Index blocks = std::clamp<Index>(100'000'000 / (block * n * n), 2, 16);
  return {block, {shape.rows, block * blocks}};
}

template <class T>
Columns triangle_of(const Shape& shape, const Rows<T>& data, Index begin, Index end, Index block) {
  const Index p = shape.features, n = shape.columns() + 1;
  Columns work(n + std::min(block, end - begin), n);
  Index held = 0;
  for (Index first = begin; first < end; first += block) {
    const Index count = std::min(block, end - first);
    const T* rows = data.X + first * p;
    for (Index j = 0; j < p; ++j) {
      double* to = work.column(j) + held;
      const double centre = shape.centred ? data.mean[j] : 0;
      for (Index i = 0; i < count; ++i) to[i] = static_cast<double>(rows[i * p + j]) - centre;
    }
    if (shape.constant) std::fill_n(work.column(p) + held, count, 1.0);
    double* target = work.column(n - 1) + held;
    const double centre = shape.centred ? data.mean[p] : 0;
    for (Index i = 0; i < count; ++i) target[i] = static_cast<double>(data.y[first + i]) - centre;
    for (Index i = 0; data.weights && i < count; ++i) {
      const double root = std::sqrt(data.weights[first + i]);
      for (Index j = 0; j < n; ++j) work.column(j)[held + i] *= root;
    }
    held = reduce(work, held + count);
  }
  return top(work, held);
}

Columns triangle_of_scatter(const Shape& shape, const double* scatter) {
  const Index n = shape.features, stride = n + 1;
  const double ridge = static_cast<double>(shape.rows) * shape.l2;
  std::vector<double> length(at(n)), unit(at(n * n));  // scaled to a diagonal of ones; the rows of the upper triangle
  for (Index j = 0; j < n; ++j) length[at(j)] = std::sqrt(scatter[j * (stride + 1)] + ridge);
  for (Index i = 0; i < n; ++i) {
    unit[at(i * n + i)] = 1;
    for (Index j = i + 1; j < n; ++j) unit[at(i * n + j)] = scatter[i * stride + j] / length[at(i)] / length[at(j)];
  }
  if (!factor_blocked(unit.data(), n, 0, n)) return {};
  Columns result(n, n + 1);
  double* target = result.column(n);
  for (Index j = 0; j < n; ++j) target[j] = scatter[n * stride + j] / length[at(j)];
  for (Index i = 0; i < n; ++i) {
    const double* row = unit.data() + i * n;
    target[i] /= row[i];
    for (Index j = i + 1; j < n; ++j) target[j] -= target[i] * row[j];
    for (Index j = i; j < n; ++j) result.column(j)[i] = row[j] * length[at(j)];
  }
  return result;
}

Columns merged(const std::vector<Columns>& triangles) {
  const Index n = triangles.front().cols;
  if (triangles.size() == 1) return triangles.front();
  Columns work(2 * n, n);
  Index held = 0;
  for (const Columns& next : triangles) {
    for (Index j = 0; j < n; ++j) std::copy_n(next.column(j), next.rows, work.column(j) + held);
    held = reduce(work, held + next.rows);
  }
  return top(work, held);
}

std::vector<double> factored(Columns& work) {
  View part = part_of(work, work.rows);
  const Eigen::HouseholderQR<View> qr(part);
  return {qr.hCoeffs().begin(), qr.hCoeffs().end()};
}

template Columns triangle_of(const Shape&, const Rows<double>&, Index, Index, Index);
template Columns triangle_of(const Shape&, const Rows<float>&, Index, Index, Index);

}  // namespace pyrometer::minimum
