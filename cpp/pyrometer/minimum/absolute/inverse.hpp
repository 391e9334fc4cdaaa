// Inverse of a small matrix.
#pragma once

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// w = z^{-1}: z row-major (destroyed), w column after column. False where a pivot is below 1e-13 of the largest
/// element. Gauss-Jordan with partial pivoting, 2 n^3 flops.
bool invert(Vec& z, Index n, Vec& w);

}  // namespace pyrometer::minimum::absolute
