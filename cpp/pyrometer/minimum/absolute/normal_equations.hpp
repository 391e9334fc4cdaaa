// Weighted sums of products of columns, and systems with such a positive definite matrix.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// sum_i weight_i z_i z_i', the lower triangle packed by rows. weight: one for each row, padded to whole blocks.
/// Cost: m n^2 flops; the same bits for any number of threads.
[[nodiscard]] Vec gram(const Rows& rows, const Vec& weight, ExecutionContext context);

/// The Cholesky factor L of a matrix in place, lower triangle packed by rows; false if it is not positive definite.
[[nodiscard]] bool factor_positive(Vec& matrix, Index n);

/// x = (L L')^{-1} x
void solve_positive(const Vec& factor, Vec& x);

}  // namespace pyrometer::minimum::absolute
