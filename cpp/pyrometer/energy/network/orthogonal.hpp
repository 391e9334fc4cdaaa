// Random matrices with orthonormal rows or columns.
#pragma once

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// sqrt(max(rows, cols)) Q, Q uniform on the rows x cols matrices with orthonormal columns, or with orthonormal rows if
/// these are fewer: its entries have mean 0 and variance 1.
///
/// Q R = G, R upper triangular with a positive diagonal (Mezzadri 2007), G standard normal; if rows < cols the same for
/// the transposed matrices.
///
/// G(i, j)  number first + i * cols + j of base::normals (seed, draw).
/// first    at least 0.
/// out      rows x cols, row-major.
///
/// Method: Householder reflections in double precision, one after the other: |Q^T Q - 1| is below 1e-14. The same bits
/// at every instruction-set level. Cost: 4 p k^2 flops, p = max(rows, cols), k = min(rows, cols), at 3 to 6 GFLOP/s,
/// and memory for rows x cols numbers. Interruptible; safe to call from several threads at once.
template <class T>
void orthogonal(base::Seed seed, Index draw, Index first, Index rows, Index cols, T* out);

extern template void orthogonal(base::Seed, Index, Index, Index, Index, double*);
extern template void orthogonal(base::Seed, Index, Index, Index, Index, float*);

}  // namespace pyrometer::energy
