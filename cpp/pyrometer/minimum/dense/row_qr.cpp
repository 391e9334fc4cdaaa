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

constexpr Index kPanel = 48;             // columns whose reflections are applied together
constexpr Index kStrip = 5 * kPanel;     // of columns to the right, updated by one thread
constexpr Index kSerialCells = 1 << 16;  // updating fewer elements takes less time than waking threads

// Householder QR in place. Strips depend on the shape only, and so do the bits. The columns behind a panel's are the
// next panel, which is factored as soon as they are updated, while other threads update the strips.
class Reflections {
 public:
  Reflections(View matrix, int threads) : a_(matrix), share_(std::min(a_.rows(), a_.cols())) {
    const Index size = share_.size();
    if (size > 0) factor(0);
    for (Index k = 0; k < size; k += kPanel) {
      const Index first = k + width(k), next = first < size ? width(first) : 0;
      const base::Chunks strips{a_.cols() - first - next, kStrip};
      const bool few = (a_.rows() - k) * (a_.cols() - first) < kSerialCells;
      base::for_each_chunk(strips.number() + (next > 0 ? 1 : 0), few ? 1 : threads, [&](Index chunk, int) {
        const Index strip = next > 0 ? chunk - 1 : chunk;
        if (strip < 0) {
          update(k, first, next);
          factor(first);
        } else {
          update(k, first + next + strips.begin(strip), strips.end(strip) - strips.begin(strip));
        }
      });
    }
  }

  [[nodiscard]] std::vector<double> shares() const { return {share_.begin(), share_.end()}; }

 private:
  [[nodiscard]] Index width(Index k) const { return std::min(share_.size() - k, kPanel); }
  [[nodiscard]] auto panel(Index k) { return a_.block(k, k, a_.rows() - k, width(k)); }
  // The product of a panel's reflections is 1 - V T V', V the unit lower triangle of its columns.
  [[nodiscard]] auto& product(Index k) { return products_[at(k / kPanel % 2)]; }

  void factor(Index k) {
    auto own = panel(k);
    auto share = share_.segment(k, width(k));
    Eigen::internal::householder_qr_inplace_unblocked(own, share);
    if (k + width(k) == a_.cols()) return;
    product(k).resize(width(k), width(k));
    Eigen::internal::make_block_householder_triangular_factor(product(k), own, share);
  }

  void update(Index k, Index first, Index columns) {
    const auto v = panel(k).triangularView<Eigen::UnitLower>();
    auto right = a_.block(k, first, a_.rows() - k, columns);
    Eigen::MatrixXd along = v.adjoint() * right;
    along = product(k).triangularView<Eigen::Upper>().adjoint() * along;
    right.noalias() -= v * along;
  }

  View a_;
  Eigen::VectorXd share_;
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> products_[2];
};

// The first `rows` rows of `work`.
View part_of(Columns& work, Index rows) {
  return Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>(work.cells.data(), rows, work.cols,
                                                              Eigen::OuterStride<>(work.rows));
}

// Replaces the first `rows` rows of `work` by their R. Returns its number of rows.
Index reduce(Columns& work, Index rows, int threads) {
  const Index height = std::min(rows, work.cols);
  if (rows <= 1) return height;
  const Reflections all(part_of(work, rows), threads);
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

namespace {

// Columns [begin, end) of rows `first` and following to rows `held` and following of `work`.
template <class T>
void take(const Shape& shape, const Rows<T>& data, Index first, Index count, Index begin, Index end, Index held,
          Columns& work) {
  constexpr Index kTogether = 512;  // rows of which a column is taken, so that their cache lines are there for the next
  const Index p = shape.features, n = work.cols;
  for (Index top = 0; top < count; top += kTogether) {
    const T* rows = data.X + (first + top) * p;
    const Index size = std::min(kTogether, count - top);
    for (Index j = begin; j < std::min(end, p); ++j) {
      double* to = work.column(j) + held + top;
      const double centre = shape.centred ? data.mean[j] : 0;
      for (Index i = 0; i < size; ++i) to[i] = static_cast<double>(rows[i * p + j]) - centre;
    }
  }
  if (shape.constant && begin <= p && p < end) std::fill_n(work.column(p) + held, count, 1.0);
  if (end == n) {
    double* target = work.column(n - 1) + held;
    const double centre = shape.centred ? data.mean[p] : 0;
    for (Index i = 0; i < count; ++i) target[i] = static_cast<double>(data.y[first + i]) - centre;
  }
  for (Index i = 0; data.weights && i < count; ++i) {
    const double root = std::sqrt(data.weights[first + i]);
    for (Index j = begin; j < end; ++j) work.column(j)[held + i] *= root;
  }
}

}  // namespace

template <class T>
Columns triangle_of(const Shape& shape, const Rows<T>& data, Index begin, Index end, Index block, int threads) {
  const Index n = shape.columns() + 1;
  // Few last rows are taken with those before them: fewer flops than a factorisation of their own below the triangle.
  const auto rows_from = [&](Index first) { return end - first < block + block / 2 ? end - first : block; };
  Columns work(n + std::min(block + block / 2, end - begin), n);
  Index held = 0;
  for (Index first = begin, count; first < end; first += count) {
    count = rows_from(first);
    const base::Chunks strips{n, kStrip};
    const bool few = count * n < kSerialCells;
    base::for_each_chunk(strips.number(), few ? 1 : threads, [&](Index strip, int) {
      take(shape, data, first, count, strips.begin(strip), strips.end(strip), held, work);
    });
    held = reduce(work, held + count, threads);
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

Columns merged(const std::vector<Columns>& triangles, int threads) {
  const Index n = triangles.front().cols;
  if (triangles.size() == 1) return triangles.front();
  Columns work(2 * n, n);
  Index held = 0;
  for (const Columns& next : triangles) {
    for (Index j = 0; j < n; ++j) std::copy_n(next.column(j), next.rows, work.column(j) + held);
    held = reduce(work, held + next.rows, threads);
  }
  return top(work, held);
}

std::vector<double> factored(Columns& work) { return Reflections(part_of(work, work.rows), 1).shares(); }

template Columns triangle_of(const Shape&, const Rows<double>&, Index, Index, Index, int);
template Columns triangle_of(const Shape&, const Rows<float>&, Index, Index, Index, int);

}  // namespace pyrometer::minimum
