// Monte Carlo averages of squared errors with few parameters, from the moments of the draws, which all pairs share.
#pragma once

#include "pyrometer/base/random.hpp"
#include "pyrometer/energy/sampled/squares.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {

/// Whether average_by_monomials() is for this problem: up to 9 parameters, at least 256 draws.
[[nodiscard]] bool has_few_monomials(const Squares& squares, Index samples);

/// What sample_squares() says of its mean and standard error, to rounding, without looking at a draw for each pair.
///
/// An energy is linear in the k monomials of a draw's standard numbers z (up to scale, the law's parameters):
///
///     E(theta) = const + sum_a c_a m_a(z),     m = (z_i z_j for i <= j, z_i, and |z_i| if l1 is not 0)
///     mean = const + c . M,     standard_error^2 = c' S c / (samples (samples - 1))
///
/// with M the mean of the monomials over the draws and S their scatter, the same for all systems and laws, and c from
/// the system's second moments and the law's scales. With 256 draws or more the k <= 63 monomials of independent
/// numbers are far from dependent, so c' S c has no cancellation: relative errors of some 1e-14.
///
/// Arguments as in sample_squares(), which checks them. False if a result is not finite, or its error underflows: what
/// says why is then to be found among the energies themselves, and nothing that was written counts.
///
/// Reproducible: the same bits for any `threads` and for a pair in any company; levels differ in the last digits.
///
/// Sums over draws are of deviations from the monomials' expectations, in chunks that are merged in order.
///
/// Cost: k^2 flops a draw, by add_products(), and k^2 + 6 k flops a pair, whatever the number of draws: with 9
/// parameters (k = 54) 110 ns a draw and 200 ns a pair on one thread at level v4. Memory: 2 MB.
///
/// Asks the interrupt hook; safe to call from several threads at once.
[[nodiscard]] bool average_by_monomials(const Squares& squares, const model::LawBatch& law, const base::Draws& draws,
                                        int threads, double* mean, double* standard_error);

}  // namespace pyrometer::energy
