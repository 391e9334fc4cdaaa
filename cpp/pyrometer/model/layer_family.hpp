// How the weights or the biases of a layer are distributed, in units of their scale.
#pragma once

namespace pyrometer::model {

/// The Python package's number for a family (`Family.bound`):
///
///     infinity   N(0, 1)
///     b > 0      N(0, 1) cut at +-b
///     0          U[-1/2, 1/2]
///     -1         1: constants
///     -2         sqrt(max(n_l, n_{l-1})) Q, Q uniform on the matrices with orthonormal rows or columns: weights only
inline constexpr double kUniform = 0, kConstant = -1, kOrthogonal = -2;

}  // namespace pyrometer::model
