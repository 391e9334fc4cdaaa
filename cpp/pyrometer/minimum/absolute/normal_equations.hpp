// Weighted normal matrices, their Cholesky factors and solutions of the normal equations.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// sum_i weight_i z_i z_i', the lower triangle packed by rows.
///
/// weight  one for each row, padded to whole blocks.
///
/// Reproducible: the same bits for any number of threads. Cost: m n^2 flops.
[[nodiscard]] Vec gram(const Rows& rows, const Vec& weight, ExecutionContext context);

/// Overwrites a matrix by its Cholesky factor L, lower triangle packed by rows; false if it is not positive definite.
/// n^3 / 3 flops.
[[nodiscard]] bool factor_positive(Vec& matrix, Index n);

/// x = (L L')^{-1} x. 2 n^2 flops.
void solve_positive(const Vec& factor, Vec& x);

}  // namespace pyrometer::minimum::absolute
