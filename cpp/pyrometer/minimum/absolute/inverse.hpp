// Inverse of a small matrix.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// w = z^{-1} by Gauss-Jordan elimination with partial pivoting, rows scaled to largest elements about 1.
///
/// z  n x n, row-major; overwritten.
/// w  n x n, column-major.
///
/// Returns false if a pivot is not above 1e-13. Cost: 2 n^3 flops.
bool invert(Vec& z, Index n, Vec& w);

}  // namespace pyrometer::minimum::absolute
