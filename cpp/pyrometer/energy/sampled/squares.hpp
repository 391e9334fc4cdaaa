// Monte Carlo energies of linear models with squared error, from the second moments of their data.
#pragma once

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/types.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {

/// A stack of linear models with squared error and a penalty, described by the moments of p features and a target.
///
/// count      rows of data, at least 1.
/// mean       systems x (p + 1): means of the features, then of the target.
/// scatter    systems * (p + 1) x (p + 1): sums of products of deviations from the mean, symmetric, system after
///            system.
/// intercept  whether there is a constant feature; it has no column here, and its parameter is the last.
/// l1, l2     weights of sum |theta_j| and sum theta_j^2 over the first `penalised` parameters.
struct Squares {
  Index count;
  Matrix mean;
  Matrix scatter;
  bool intercept;
  double l1;
  double l2;
  Index penalised;

  [[nodiscard]] Index systems() const { return mean.rows; }
  [[nodiscard]] Index features() const { return mean.cols - 1; }
  [[nodiscard]] Index parameters() const { return features() + (intercept ? 1 : 0); }
};

/// The mean energy of random parameters and its standard error, for every system under every law.
///
///     E(theta) = t' C t + (mean_x . theta_x + theta_0 - mean_y)^2 + l1 sum_j |theta_j| + l2 sum_j theta_j^2
///     t = (theta_x, -1),   C = scatter / count,   theta_0 = 0 without intercept
///     mean = average of E(theta_k) over the draws k,   standard_error = (unbiased variance / samples)^1/2
///
/// The first term is the variance of the residuals and the second their squared mean: no cancellation for any
/// means of the data.
///
/// law             scale: laws x parameters, finite. theta_j of draw k is scale_j z_j, with number j of draw k of
///                 draw_standard() (group.hpp).
/// draws           samples at least 2.
/// threads         at least 1, or 0 for all that OpenMP offers.
/// mean, standard_error  systems x laws, written.
///
/// Throws std::invalid_argument if a size or count above is broken, and if an energy, or the variance of the energies,
/// is not finite: the message names the first such draw and its law.
///
/// Reproducible: the same bits for any `threads`, independent of other systems and laws, which all use the same draws.
/// Draws are grouped in chunks of a fixed number, which are merged in order. Uses fma where the instruction-set level
/// has it, so the last bits of energies (not of draws) differ between levels.
///
/// Cost of a draw: p^2 + 8 p flops for every pair of system and law (upper triangle only; the rows are never touched),
/// and its n random numbers, once for all pairs (up to 4,096 pairs at a time). Memory: 1 kB n for each thread,
/// p^2 / 2 doubles for each system (64 MB at most, or one system), 6 MB of partial results. Few parameters and many
/// draws: see monomials.hpp, where the cost of a pair is independent of the number of draws.
///
/// Interruptible; safe to call from several threads at once. Must be called without the GIL.
void sample_squares(const Squares& squares, const model::LawBatch& law, const base::Draws& draws, int threads,
                    double* mean, double* standard_error);

/// The individual energies: energies[(system * laws + law) * samples + k] is E of draw first + k for any value of
/// first. Otherwise as sample_squares(), whose mean and standard error are those of these energies up to rounding;
/// samples at least 1.
void sample_squares_energies(const Squares& squares, const model::LawBatch& law, const base::Draws& draws, int threads,
                             double* energies);

}  // namespace pyrometer::energy
