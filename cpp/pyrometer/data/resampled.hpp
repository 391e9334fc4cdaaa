// Bootstrap and permutation resampling of samples represented by sums over blocks of rows.
#pragma once

#include "pyrometer/base/random.hpp"
#include "pyrometer/data/block_state.hpp"

namespace pyrometer::data {

/// Energy and entropy of a sample, and of samples whose blocks are drawn from it with replacement.
///
///     out(0, :)     of the sample itself
///     out(k+1, :)   of the sum of B blocks, block floor(B (u_ki + 1/2)) for i = 0 .. B-1
///
/// sums       B blocks x block_columns(d), finite, B >= 1; z measured from near the sample's mean.
/// density    the formula of the entropy.
/// seed       u_ki = base::uniforms(seed, k, i).
/// resamples  at least 0.
/// threads    at least 1, or 0 for all that OpenMP offers.
/// out        resamples + 1 x 2, written: energy, entropy; the entropy is nan where a sample has no density.
///
/// Throws std::invalid_argument if a size or count is broken.
///
/// Reproducible: the same bits for any `threads`. Sums use fma where the level has it, so the last bits differ between
/// levels; which blocks are drawn does not.
///
/// Cost of a resample: 2 B columns flops in register tiles, B random numbers, d^3 / 3 flops. Memory: a copy of the
/// sums, and 1.5 kB B for each thread. Interruptible; safe to call from several threads. Call without the
/// GIL.
void redrawn_states(Matrix sums, Density density, base::Seed seed, Index resamples, int threads, double* out);

/// Changes from a sample `old` to a sample `now`, and those between bootstrap samples of each.
///
/// out   resamples + 1 x 3, written: changes of energy and entropy, KL divergence of the new density from the old one;
///       the samples themselves first. Entropy and divergence are nan where one has no density.
///
/// apart  d numbers: the centre that z of `now` is measured from less that of `old`. From one common centre, far from
///        the mean of a sample, its variance would be lost in rounding.
///
/// Otherwise as redrawn_states(). The blocks of `old` use the draws i = 0 .. B_old - 1, those of `now` the next ones,
/// from an even number on. d^3 / 3 flops more for each divergence.
void redrawn_shifts(Matrix old, Matrix now, const double* apart, Density density, base::Seed seed, Index resamples,
                    int threads, double* out);

/// The same changes under random permutations of the blocks of both samples: their distribution under the hypothesis
/// that the two samples come from the same distribution.
///
/// Both samples have z measured from the same centre.
///
/// old_dealt, now_dealt   numbers of leading blocks of each that are permuted; they must have equal numbers of rows.
/// The
///                        others, such as a shorter last block, stay in their sample.
///
/// Samples without a density get the minimum variance that has one: all changes are finite if both samples together
/// have a density (and for laplace a positive width in each).
///
/// Blocks of the smaller sample are drawn without replacement (Fisher, Yates), resample k from u_ki.
void dealt_shifts(Matrix old, Matrix now, Index old_dealt, Index now_dealt, Density density, base::Seed seed,
                  Index resamples, int threads, double* out);

/// Sums of any columns over the blocks that redrawn_shifts() draws.
///
///     out(k, c) = sum_i sums(floor(B (u_k,s+i + 1/2)), c),   i = 0 .. B-1,   s = skipped
///
/// sums      B blocks x any columns, finite, B >= 1.
/// skipped   even: 0 for the blocks of `old`, B_old rounded up to an even number for those of `now`.
/// out       resamples x columns, written.
///
/// Otherwise as redrawn_shifts(): 2 B columns flops and B + skipped random numbers for each resample.
void redrawn_sums(Matrix sums, Index skipped, base::Seed seed, Index resamples, int threads, double* out);

/// Sums of any columns over the `chosen` blocks that dealt_shifts() assigns to the smaller sample.
///
/// sums     the blocks of both samples that are dealt, those of `old` first.
/// chosen   the smaller of old_dealt and now_dealt.
/// out      resamples x columns, written. 2 B columns flops, `chosen` random numbers for each resample.
void dealt_sums(Matrix sums, Index chosen, base::Seed seed, Index resamples, int threads, double* out);

}  // namespace pyrometer::data
