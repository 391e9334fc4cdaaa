// Monte Carlo energies of linear models with losses that are functions of the rows: absolute error and cross entropy.
#pragma once

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/types.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {

enum class SampledLoss { absolute, cross_entropy };

/// A stack of linear models with equal numbers of rows m and features p.
///
/// X         systems x m x p, finite.
/// y         systems x m: finite targets, or labels 0 and 1 for cross entropy.
/// weights   systems x m, finite, > 0, of sum m for each system, or null: factors of the losses.
/// intercept  whether there is a constant feature; it has no column in X, and its parameter is the last.
template <class T>
struct LabelledRows {
  const T* X;
  const T* y;
  Index systems;
  Index rows;
  Index features;
  bool intercept;
  SampledLoss loss;
  const double* weights = nullptr;

  [[nodiscard]] Index parameters() const { return features + (intercept ? 1 : 0); }
};

/// Outputs of sample_rows(); each systems x laws.
struct RowAverages {
  double* mean;
  double* standard_error;
  double* slope;
};

/// The mean energy of random parameters, its standard error, and its slope along the law's scale, for every system
/// under every law.
///
///     t_i = x_i . theta + theta_0          theta_0 = 0 without intercept
///     absolute        E(theta) = (1/m) sum_i |y_i - t_i|                       (each term times its weight, if any)
///     cross entropy   E(theta) = (1/m) sum_i [softplus(-t_i) + (1 - y_i) t_i],   softplus(t) = ln(1 + e^t)
///     mean  = average of E(theta_k) over the draws k,   standard_error = (unbiased variance / samples)^1/2
///     slope = average of theta_k . dE/dtheta: the derivative of the mean energy by ln c if all scales are c scale_j
///
/// absolute has theta . dE/dtheta = (1/m) sum_i sign(t_i - y_i) t_i, with either sign where t_i = y_i; cross entropy
/// (1/m) sum_i t_i (sigma(t_i) - y_i).
///
/// law      scale: laws x parameters, finite. theta_j of draw k is scale_j z_j, with number j of draw k of
///          draw_standard() (group.hpp): the draws of sample_squares().
/// draws    samples at least 2.
/// threads  at least 1, or 0 for all that OpenMP offers.
///
/// Throws std::invalid_argument if a size, count or label above is broken, and if an energy, or the variance of the
/// energies, is not finite: the message names the first such draw and its law.
///
/// Accurate to rounding of the sums: 1e-15 of the largest |t_i| + |y_i|; for cross entropy, the part of a row's loss
/// beyond max(0, t) has a relative error of 4e-16. No t that is finite overflows. Of rows in single precision (unless
/// parameters are constant, or cross entropies weighted) t_i is a product in single precision, with an error of at most
/// (n + 3) 2^-24 sum_j |x_ij theta_j|, and that part of a cross entropy has a relative error of 1e-7; targets and sums
/// are in double precision. Compare the standard error, a part samples^-1/2 of what the parameters contribute.
///
/// Reproducible: the same bits for any `threads`, independent of other systems and laws, which all use the same draws.
/// The work is divided into chunks of a fixed number of draws and rows, which are merged in order. Uses fma where the
/// instruction-set level has it: the last bits differ between levels.
///
/// Method: a matrix product of rows and draws; the loss is applied to each tile in registers, so that no t is stored.
/// The parameters of a chunk are packed once (384 draws) and multiplied with blocks of rows, copied as doubles to the
/// L2 cache (192 KB), one load and one store for 768 flops. With r rows and d draws a block costs 2 r d n flops for r n
/// + d n numbers moved, which is compute bound.
///
/// Cost of a draw: 2 m n flops for every pair of system and law, and for each row 4 more (absolute) or 27 (cross
/// entropy: one exponential, four products; a logarithm and a division for about 500 rows, or for each if weighted); n
/// random numbers once for all pairs, up to about 2,000 pairs or 16,384 rows at a time. With 50 parameters, a thread of
/// an AVX-512 processor whose dgemm makes 69 GFLOP/s makes 72 of the 2 m n, and 49 with cross entropy; in single
/// precision 1.7 and 2 times as many. Memory: 6 kB n + 200 kB for each thread (1.4 MB for n > 128), 26 MB of partial
/// results.
///
/// Interruptible; safe to call from several threads at once. Must be called without the GIL.
template <class T>
void sample_rows(const LabelledRows<T>& rows, const model::LawBatch& law, const base::Draws& draws, int threads,
                 const RowAverages& averages);

/// The individual energies: energies[(system * laws + law) * samples + k] is E of draw first + k for any value of
/// first. Otherwise as sample_rows(), whose mean and standard error are those of these energies up to rounding; samples
/// at least 1.
template <class T>
void sample_rows_energies(const LabelledRows<T>& rows, const model::LawBatch& law, const base::Draws& draws,
                          int threads, double* energies);

extern template void sample_rows(const LabelledRows<double>&, const model::LawBatch&, const base::Draws&, int,
                                 const RowAverages&);
extern template void sample_rows(const LabelledRows<float>&, const model::LawBatch&, const base::Draws&, int,
                                 const RowAverages&);
extern template void sample_rows_energies(const LabelledRows<double>&, const model::LawBatch&, const base::Draws&, int,
                                          double*);
extern template void sample_rows_energies(const LabelledRows<float>&, const model::LawBatch&, const base::Draws&, int,
                                          double*);

}  // namespace pyrometer::energy
