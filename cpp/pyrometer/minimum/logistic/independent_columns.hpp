// Independent columns of rows of numbers, as combinations of the given ones that are far from parallel.
#pragma once

#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// z_i = (x_i, 1) map   or   z_i = x_i map; and (x_i, 1) . v = 0 or x_i . v = 0 for each v of `null`.
struct Basis {
  Index rank = 0;
  std::vector<double> map;                ///< n x rank, row-major
  base::AlignedArray<double> rows;        ///< z, m x rank
  std::vector<Index> kept;                ///< given columns, n - 1 the constant one, that span the same
  std::vector<std::vector<double>> null;  ///< n - rank vectors of n numbers
};

/// Finds a basis of the columns of X (m x p), with a column of ones if `constant`: n = p + constant of them.
///
/// A column that is nearly a combination of others is replaced by what they leave of it, computed from X with twice the
/// working precision, and that again, until the columns are far from parallel or what is left is rounding: no more
/// than a few units in the last place of the terms of the sum. Such a column is dependent, and its combination a
/// vector of `null`. So columns with large means, or that differ in their last digits only, lose nothing.
///
/// independent  the columns are known to be: none is dropped.
///
/// Cost: m n^2 flops a round, one to four rounds; memory m n doubles.
[[nodiscard]] Basis reduce(const Matrix& X, bool constant, bool independent, int threads);

}  // namespace pyrometer::minimum
