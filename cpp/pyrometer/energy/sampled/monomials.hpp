// Monte Carlo averages of squared errors with few parameters, from moments of the draws that all pairs share.
#pragma once

#include "pyrometer/base/random.hpp"
#include "pyrometer/energy/sampled/squares.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {

/// Whether average_by_monomials() applies: up to 9 parameters, at least 256 draws.
[[nodiscard]] bool has_few_monomials(const Squares& squares, Index samples);

/// The mean and standard error of sample_squares(), up to rounding, without evaluating each draw for each pair.
///
/// An energy is linear in the k monomials of a draw's standard numbers z (up to scale, the law's parameters):
///
///     E(theta) = const + sum_a c_a m_a(z),     m = (z_i z_j for i <= j, z_i, and |z_i| if l1 is not 0)
///     mean = const + c . M,     standard_error^2 = c' S c / (samples (samples - 1))
///
/// with M the mean of the monomials over the draws and S their scatter, the same for all systems and laws, and c from
/// the system's second moments and the law's scales. With 256 draws or more the k <= 63 monomials of independent
/// numbers are well conditioned, so c' S c has no cancellation: relative errors of about 1e-14.
///
/// Arguments as in sample_squares(), which checks them; no constant parameters, whose monomials are dependent. False if
/// a result is not finite, or its error underflows; the outputs are then invalid, and sample_squares() evaluates the
/// energies to report the cause.
///
/// Reproducible: the same bits for any `threads` independent of other pairs; levels differ in the last digits.
///
/// Sums over draws are of deviations from the monomials' expectations, in chunks that are merged in order.
///
/// Cost: k^2 flops a draw, by add_products(), and k^2 + 6 k flops a pair, for any number of draws: with 9
/// parameters (k = 54) 110 ns a draw and 200 ns a pair on one thread at level v4. Memory: 2 MB.
///
/// Interruptible; safe to call from several threads at once.
[[nodiscard]] bool average_by_monomials(const Squares& squares, const model::LawBatch& law, const base::Draws& draws,
                                        int threads, double* mean, double* standard_error);

}  // namespace pyrometer::energy
