// Counter-based random numbers of truncated normal distributions.
#pragma once

#include "pyrometer/base/random.hpp"

namespace pyrometer::base {

/// Standard normals truncated at +-bound, parameter-major as normals(): the inverse of their distribution function at
/// the numbers of uniforms(), one for each.
///
///     erf(x / sqrt(2)) = 2 u erf(bound / sqrt(2)),    u of uniforms(); increasing, odd in u
///
/// by Wichura's rational functions (1988, AS 241). Beyond |x| = 1.44 from the probability of the tail, (1 - 2 |u|) + 2
/// |u| erfc(bound / sqrt(2)), which is exact to rounding there: relative errors are below 1e-15 for every bound, and
/// |x| <= bound. Without a bound the largest |x| is 8.21 (probability beyond: 2^-53).
///
/// bound   > 0; 40 or more for none. Other arguments, exceptions, and reproducibility as in uniforms(): the same bits
///         at every instruction-set level. float: computed in double precision from single-precision uniforms, and
///         rounded; without a bound |x| is at most 5.3.
///
/// Cost of a double: that of a uniform number and 60 flops with a square root and three divisions.
void truncated_normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double bound,
                       double* out);
void truncated_normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double bound,
                       float* out);

}  // namespace pyrometer::base
