// A well conditioned basis of the column space, as linear combinations of the given columns.
#pragma once

#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum {

/// z_i = (x_i, 1) map   or   z_i = x_i map; and (x_i, 1) . v = 0 or x_i . v = 0 for each v of `null`.
struct Basis {
  Index rank = 0;
  /// false: a column that is not at rounding level was dropped, because double-double numbers do not show what else it
  /// is than a combination of others. The minimum is then an upper bound of that of all columns.
  bool settled = true;
  std::vector<double> map;                ///< n x rank, row-major
  base::AlignedArray<double> rows;        ///< z, m x rank
  std::vector<Index> kept;                ///< given columns that span the same space; n - 1 is the constant one
  std::vector<std::vector<double>> null;  ///< n - rank vectors of n numbers
};

/// Finds a basis of the columns of X (m x p), with a column of ones if `constant`: n = p + constant of them.
///
/// A column that is nearly a linear combination of others is replaced by the difference, computed from X in
/// double-double precision, repeatedly, until the columns are well conditioned or the difference is at rounding level,
/// a few units in the last place of its terms. Such a column is linearly dependent, and the combination a vector of
/// `null`. Columns with large means, or that differ in their last digits only, therefore lose no accuracy.
///
/// independent  whether the columns are known to be linearly independent: none is then dropped.
///
/// Cost: m n^2 flops a round, one to four rounds; memory m n doubles.
[[nodiscard]] Basis reduce(const Matrix& X, bool constant, bool independent, int threads);

}  // namespace pyrometer::minimum
