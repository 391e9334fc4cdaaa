// Monte Carlo energies of networks; the parameters of every draw are generated when they are used.
#pragma once

#include <cstdint>
#include <vector>

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/types.hpp"
#include "pyrometer/model/activation.hpp"
#include "pyrometer/model/layer_family.hpp"

namespace pyrometer::energy {

/// Layers z_l = W_l x_{l-1} + b_l, x_l = phi(z_l), l = 1 .. L, the last one linear, and laws of their parameters.
///
/// widths      n_0 .. n_L, each at least 1; L >= 1.
/// activation  that of each hidden layer.
/// families    4 x L: of the weights and of the biases of each layer, see layer_family.hpp, and of both the squared
///             scale divided by the mean square: 1 for normal laws, 12 for uniform ones, 1 for constants.
/// weight      laws x L: standard deviations, that before the cut of a truncated law, full lengths of uniform laws,
///             values of constants. Finite; at least 0 but for constants, and 0 for constant weights.
/// bias        likewise; 0 for a layer without.
///
/// Parameters are numbered layer by layer, in each the weights row by row (n_l x n_{l-1}), then the biases. Number j of
/// draw k is scale * base::normals, base::truncated_normals or base::uniforms at (seed, k, j), so that a batch of laws
/// shares its draws; the weights of an orthogonal layer are computed from normal numbers with the same
/// indices (orthogonal.hpp). Constants, and biases of scale 0, have indices j as well, whose numbers are not used.
struct NetworkLaws {
  Index layers;
  const Index* widths;
  std::vector<model::Activation> activation;
  Matrix families;
  Matrix weight, bias;

  [[nodiscard]] Index laws() const { return weight.rows; }
  /// The mean of every output under a law, given the layers before: that of constant biases.
  [[nodiscard]] double fixed(Index law) const {
    return families.row(1)[layers - 1] == model::kConstant ? bias.row(law)[layers - 1] : 0;
  }
};

/// m rows: X m x n_0; y m x n_L, or nullptr. Finite. labels: m numbers of classes, or nullptr. In single precision all
/// arithmetic except sums of squares and cross entropies is in single precision.
template <class T>
struct NetworkRows {
  const T* X;
  const T* y;
  Index rows;
  const std::int64_t* labels = nullptr;
  bool cross_entropy = false;
};

/// Which draws of which seed, and how many rows each uses.
///
/// rows      0 for all, or r: the rows are sorted by |x_i|^2 and divided into r strata of equal weight; every draw
///           selects one row of each by other random bits of its stream, which does not change the expectation.
/// averaged  each layer's energy is averaged over that layer's own parameters, given the layers before:
///
///               E[|z_l|^2 | x_{l-1}] = n_l (var_w |x_{l-1}|^2 + E b^2)
///
///           The last layer is then not drawn, and the energy of the first layer is exact, from all rows.
struct NetworkDraws {
  base::Seed seed;
  Index first;
  Index samples;
  Index rows;
  bool averaged;
};

/// energy[(law * samples + k) * L + l - 1] = (1/m) sum_i |z_l(x_i)|^2 of draw first + k: of pre-activations.
///
/// Throws std::invalid_argument if a size, scale, name or count is broken, and if an energy is not finite: the message
/// names the first such draw, its law and layer.
///
/// Accurate to the rounding of the products: 1e-15 sqrt(n) in double precision, 1e-7 sqrt(n) in single precision.
/// Activations: see activate.hpp.
///
/// Reproducible: the same bits for any `threads`, independent of other draws and laws.
/// Rows are divided into parts that depend on their number and the widths, and summed in order. Last bits differ
/// between instruction-set levels.
///
/// Method: all rows are multiplied with a slab of weights (65,536 numbers, generated when used), a matrix product whose
/// tiles are packed for the next layer; activations and sums of squares are one more pass over data in the cache. Tasks
/// are draws times parts of rows times groups of laws.
///
/// Cost of a draw and law: 2 m N flops for N weights, one activation and two more flops for each row and hidden unit;
/// for each part of the rows N random numbers, shared by the laws of a group. A thread of an AVX-512 processor whose
/// dgemm makes 70 GFLOP/s makes 69 of these with relu and 62 with tanh (64-256-256-256-10, 1000 rows). Memory: a
/// copy of X; for each thread two layers' activations of a part of the rows (8 MB in double precision) for each law of
/// a group, and 512 KB.
///
/// Interruptible; safe to call from several threads at once. Must be called without the GIL.
template <class T>
void sample_network(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws, int threads,
                    double* energy);

/// energy[law * samples + k] = (1/m) sum_i |y_i - z_L(x_i)|^2 of draw first + k; averaged: |y_i|^2 + E[|z_L|^2 | ...],
/// minus 2 c times the sum of y_i under constant biases c of the last layer.
/// Otherwise as sample_network().
template <class T>
void sample_network_errors(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws, int threads,
                           double* energy);

/// energy[law * samples + k] = mean cross entropy of draw first + k, of one logit and labels 0 and 1, or of as many
/// classes as outputs, with rows.cross_entropy; `averaged` must be false. Without labels the mean over classes of what
/// each label would give, whose expectation is the same where the outputs have mean 0:
/// ln sum_c e^{z_c} - mean_c z_c, or ln(1 + e^{-|z|}) + |z| / 2. Otherwise as sample_network(); the cost of an
/// exponential more for each row and output.
template <class T>
void sample_network_cross_entropy(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws,
                                  int threads, double* energy);

/// The number of rows for each draw that minimises the standard error of the last layer's energy at given time; 0 for
/// all.
///
/// The variance of a draw is B + W / r, its cost G + r C: r^2 = (W G) / (B C). B and W, relative to the squared mean
/// and averaged over the laws, come from 24 pilot draws (2^62 and on) of 256 rows and of 16 of these, of a fixed seed:
/// the number depends on rows and laws alone, and so does the time of what follows. B is at least its standard error
/// where the 256 rows determine it no better, 0.3 W / 256. G counts 200 flops for every random number, C two for every
/// weight, 60 for every hidden unit, and 700 and 27 for every column of X for selecting a row. Rounded up to whole
/// tiles; all rows where these are cheaper for the same error.
template <class T>
[[nodiscard]] Index network_rows(const NetworkRows<T>& rows, const NetworkLaws& laws, bool averaged, int threads);

extern template void sample_network(const NetworkRows<double>&, const NetworkLaws&, const NetworkDraws&, int, double*);
extern template void sample_network(const NetworkRows<float>&, const NetworkLaws&, const NetworkDraws&, int, double*);
extern template void sample_network_errors(const NetworkRows<double>&, const NetworkLaws&, const NetworkDraws&, int,
                                           double*);
extern template void sample_network_errors(const NetworkRows<float>&, const NetworkLaws&, const NetworkDraws&, int,
                                           double*);
extern template void sample_network_cross_entropy(const NetworkRows<double>&, const NetworkLaws&, const NetworkDraws&,
                                                  int, double*);
extern template void sample_network_cross_entropy(const NetworkRows<float>&, const NetworkLaws&, const NetworkDraws&,
                                                  int, double*);
extern template Index network_rows(const NetworkRows<double>&, const NetworkLaws&, bool, int);
extern template Index network_rows(const NetworkRows<float>&, const NetworkLaws&, bool, int);

}  // namespace pyrometer::energy
