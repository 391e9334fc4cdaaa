// Means and centred second moments of data, in one pass over memory.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// Data sets of equal shape, not owned: element (s, i, j) of X is X[(s * rows + i) * features + j], or
/// X[(s * features + j) * rows + i] if they are stored by columns.
template <class T>
struct Stack {
  const T* X = nullptr;  ///< features
  const T* y = nullptr;  ///< targets, element (s, i) at y[s * rows + i]
  Index systems = 0;
  Index rows = 0;                   ///< m >= 1
  Index features = 0;               ///< p >= 0
  const double* weights = nullptr;  ///< w, > 0, element (s, i) at weights[s * rows + i]; null: all 1
  bool by_columns = false;

  [[nodiscard]] double at(Index s, Index i, Index j) const {
    return static_cast<double>(X[by_columns ? (s * features + j) * rows + i : (s * rows + i) * features + j]);
  }
};

/// Output arrays for the moments of all systems, p + 1 columns; not owned.
struct MomentsOut {
  double* mean = nullptr;     ///< systems x columns
  double* scatter = nullptr;  ///< systems x columns x columns
  double* once = nullptr;     ///< 3 x systems x columns: low parts of the means, rounded sums of squares, diagonal
};

/// Means and scatter matrices of the rows z = (x, y) of every system.
///
///     mean(j)       = (1/m) sum_i z(i, j)
///     scatter(j, k) = sum_i (z(i, j) - mean(j)) (z(i, k) - mean(k))        j, k = 0 .. p; the target is column p
///
/// or, of weighted rows, mean(j) = sum_i w_i z(i, j) / sum_i w_i and sum_i w_i (...)(...): the products of deviations
/// times w_i^1/2, which are rounded to two units of roundoff each.
///
/// data     float64 or float32 (then widened block by block), finite. Read only.
/// threads  at least 1; 0 means all that OpenMP offers.
/// out      written; the scatter is exactly symmetric, and exactly 0 for a constant column.
///
/// Throws std::invalid_argument for a value that is not finite, naming the first cell in order of systems and rows, and
/// for columns so large or so small that their squares leave the range of doubles. The check needs no pass over
/// the data.
///
/// A mean is mean + low, a sum of two doubles. The squares are sums of (z(i, j) - shift(j))^2 about shifts near the
/// mean, at least the diagonal of the scatter; errors are relative to them.
///
/// Accuracy: rows are taken in chunks of N, and inside a chunk as deviations from the mean of its first n = sqrt(N)
/// rows, 32 at least and 128 at most, or of all if there are at most 128. With such a shift sum (z - shift)^2 exceeds
/// the chunk's own scatter at most about N/n times, for any data (a distant shift makes the scatter large), so the last
/// correction, - N (mean - shift)^2, loses at most two of sixteen digits. Chunks are merged by the formula of Chan,
/// Golub and LeVeque (1983). Of weighted rows the shift is the mean of the whole chunk, since rows of small weight may
/// be far from it; this takes a second pass over the chunk.
///
/// Reproducible: N depends on m and p alone and chunks are merged in order, so the bits are the same for every
/// `threads` and for a system alone or in a stack. Instruction-set levels differ in the last digits.
///
/// Cost: m (p + 1)^2 flops (see add_products, add_few, add_narrow for rows of one vector, add_outer for those of three
/// short ones, and small_moments for systems of few rows) and one read of the data;
/// memory of at most a quarter of the data's, and (p + 264) (p + 8) doubles a thread. float32 takes the time of float64
/// where arithmetic is the limit, so twice that of a product of float32: products of float32 are exact in doubles, and
/// sums of products in float32 would have 7 digits, where minima and their certificates need 15. Safe to call from
/// several threads at once.
template <class T>
void second_moments(const Stack<T>& data, int threads, const MomentsOut& out);

extern template void second_moments(const Stack<double>&, int, const MomentsOut&);
extern template void second_moments(const Stack<float>&, int, const MomentsOut&);

}  // namespace pyrometer::data
