// Counter-based random numbers: every number is a function of (seed, draw, parameter) and of nothing else.
#pragma once

#include <array>
#include <cstdint>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// The key of a generator: 128 bits.
using Seed = std::array<std::uint64_t, 2>;

/// Draws first .. first + samples - 1 of a seed.
struct Draws {
  Seed seed;
  Index first;
  Index samples;
};

/// Threefry-2x64 with 20 rounds (Salmon, Moraes, Dror, Shaw 2011): the block of 128 random bits at `counter`.
[[nodiscard]] std::array<std::uint64_t, 2> threefry(Seed key, std::array<std::uint64_t, 2> counter);

/// Standard normals, parameter-major: out[j * draws + k] is parameter first_parameter + j of draw first_draw + k.
///
///     z_j = sqrt(-2 ln u) cos(a),   z_{j+1} = sqrt(-2 ln u) sin(a)          j even (Box, Muller 1958)
///
/// where u and a are computed from the 128 bits at counter (draw, block).
///
/// double   block = j / 2.  u is an odd multiple of 2^-53, so |z| <= 8.572 (probability beyond: 1e-17); the angle is
///          one of 2^53 equally spaced ones. Rounding errors are below 4 units in the last place.
/// float    block = j / 4: two pairs of 64 bits each; these are different numbers, not the doubles rounded.
///          u has a grid of 2^-38 near 0, so |z| <= 7.353 (2e-13); 2^26 angles.
///
/// first_draw, draws, first_parameter, parameters  at least 0; first_parameter even.
/// Throws std::invalid_argument otherwise.
///
/// Each number depends on (seed, draw, parameter) only, and its bits are the same at every instruction-set level: only
/// +, -, *, /, sqrt and integer operations are used, without contraction.
///
/// Cost of a double: half a block of Threefry (58 integer operations) and 34 floating-point ones; of a float half of
/// that. At 2.1 GHz 2.2 ns at level v4, 3.5 at v3, 8 at baseline (float 0.9, 1.7, 4.5). Blocks are computed 64
/// at a time, over draws or, if these are few, over parameters, which adds 0.8 ns; smaller calls compute whole vectors,
/// too. No allocation; safe to call from several threads at once.
void normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double* out);
void normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, float* out);

/// Uniforms in the open interval (-1/2, 1/2); layout, exceptions and reproducibility as for normals().
///
/// double   odd multiples of 2^-54: 53 random bits.      float   odd multiples of 2^-25: 24 random bits.
///
/// Both grids are symmetric about 0 and exclude it. Their counters have the top bit set, so normals and uniforms of the
/// same draw are independent.
void uniforms(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double* out);
void uniforms(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, float* out);

}  // namespace pyrometer::base
