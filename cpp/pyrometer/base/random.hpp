// Counter-based random numbers: every number is a function of (seed, draw, parameter) and of nothing else.
#pragma once

#include <array>
#include <cstdint>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// The key of a generator: 128 bits.
using Seed = std::array<std::uint64_t, 2>;

/// Threefry-2x64 with 20 rounds (Salmon, Moraes, Dror, Shaw 2011): the block of 128 random bits at `counter`.
[[nodiscard]] std::array<std::uint64_t, 2> threefry(Seed key, std::array<std::uint64_t, 2> counter);

/// Standard normals, parameter-major: out[j * draws + k] is parameter first_parameter + j of draw first_draw + k.
///
/// Block j / 2 of a draw gives the normals of parameters j and j + 1 (Box-Muller, j even), so neither the number of draws,
/// nor the number of parameters, nor where a call starts changes a number. The bits are the same at every instruction-set
/// level. first_parameter must be even. |z| <= 8.57 in double precision, 6.66 in single (TODO state exactly).
///
/// Cost: TODO flops, ns.
void normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double* out);
void normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, float* out);

/// Uniforms in the open interval (-1/2, 1/2), symmetric about 0, laid out as normals(). They come from other blocks than the
/// normals of the same draw: a draw may use both.
void uniforms(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double* out);
void uniforms(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, float* out);

}  // namespace pyrometer::base
