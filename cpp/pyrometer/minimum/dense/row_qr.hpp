// QR factorisations of rows in blocks: the orthogonal counterpart of second moments.
#pragma once

#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/dense/row_sums.hpp"

namespace pyrometer::minimum {

/// A matrix by columns: element (i, j) is column(j)[i].
struct Columns {
  Index rows = 0;
  Index cols = 0;
  std::vector<double> cells;

  Columns() = default;
  Columns(Index rows_, Index cols_) : rows(rows_), cols(cols_), cells(at(rows_ * cols_)) {}
  [[nodiscard]] double* column(Index j) { return cells.data() + j * rows; }
  [[nodiscard]] const double* column(Index j) const { return cells.data() + j * rows; }
};

/// The division of rows into blocks of one QR factorisation each, and into chunks for threads. Depends on the shape
/// only.
struct Split {
  Index block;
  base::Chunks chunks;
};
[[nodiscard]] Split split(const Shape& shape);

/// R of a QR of rows [begin, end) of (design, y), times the square roots of their weights: at most columns + 1 rows,
/// block after block.
///
/// Cost: 2.3 n^2 flops a row, (3 block / 2 + n) n doubles of scratch. Here and in merged(), several threads are used
/// from 2^16 elements on, with the same bits as one.
template <class T>
[[nodiscard]] Columns triangle_of(const Shape& shape, const Rows<T>& data, Index begin, Index end, Index block,
                                  int threads);

/// (R, R'^-1 s) with R'R = S + m l2 1 of one system's scatter S, whose last row is (s', s_yy): the triangle of centred
/// rows by Cholesky. Empty if the matrix is not positive definite to rounding. n^3 / 3 flops.
[[nodiscard]] Columns triangle_of_scatter(const Shape& shape, const double* scatter);

/// QR in place, as LAPACK's geqrf leaves it: R above the diagonal, below it the reflections v_k without their leading
/// 1. Returns t, with Q = H_0 H_1 ... and H_k = 1 - t_k v_k v_k'. 2 rows cols^2 flops.
[[nodiscard]] std::vector<double> factored(Columns& work);

/// R of the stacked triangles, in order. 10 n^3 / 3 flops for each.
[[nodiscard]] Columns merged(const std::vector<Columns>& triangles, int threads);

}  // namespace pyrometer::minimum
