// Mean energies of every layer of a network with normal weights, at finite width, without simulation.
#pragma once

#include <vector>

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/types.hpp"
#include "pyrometer/model/activation.hpp"

namespace pyrometer::energy {

/// Networks of one shape under a batch of laws, and the rows that they see.
///
/// widths  L + 1 numbers n_0 .. n_L, each at least 1.
/// weight  laws x L, finite, > 0: standard deviations sigma_l of the weights of layer l.
/// bias    laws x L, finite, >= 0: those of the biases, 0 for none.
/// norms   |x_i|^2 of the rows, finite, >= 0, at least one.
struct Networks {
  model::Activation activation;
  std::vector<Index> widths;
  Matrix weight, bias;
  Vector norms;

  [[nodiscard]] Index layers() const { return static_cast<Index>(widths.size()) - 1; }
  [[nodiscard]] Index laws() const { return weight.rows; }
};

/// Given layer l - 1, the pre-activations of layer l are independent N(0, v_l), so q_l = |x_l|^2 is a Markov chain:
///
///     q_0 = |x|^2,   v_l = sigma_l^2 q_{l-1} + b_l^2,   q_l = sum of n_l independent phi(z)^2, z ~ N(0, v_l)
///     E_l = <|z_l|^2> = n_l <v_l>,   averaged over rows
///
/// Backwards: the energy of layer k given v_l is a function of ln v_l; its logarithm is interpolated at Chebyshev nodes
/// over the range that v_l can reach, and at each node averaged over a Gauss rule of the law of q_l (chain_rule.hpp).
/// A wide range is cut into panels, without the values that have a probability below 1e-20.
/// All rows share the nodes: the cost does not depend on their number, but for one pass over the norms.
///
/// energy   laws x L, out.
/// error    laws x L, out: estimate of the absolute error: four times the difference to a coarser calculation (rules,
///          grids and quadratures all), plus interpolation over rows and rounding. Up to four calculations of rising
///          fineness, until the error is 1e-9 of the energy. Against finer ones, on random networks, the true error was
///          at most half of it.
/// trusted  laws, out: 1 where the error is below 1e-4 of the energy in every layer; 0 elsewhere: sample then.
///
/// relu, leaky_relu and identity are in closed form, <q_l> = n_l (1 + a^2) / 2 <v_l>, with rounding as the error.
///
/// Throws std::invalid_argument for a broken precondition, and where an energy overflows.
/// The same bits for every `threads`.
///
/// Cost for each law and hidden layer, on one thread: about 10 us a node for widths >= 64, 0.1 to 0.5 ms for narrower
/// ones; 10 nodes and 4.5 more for each unit of ln v that is reached, 24 to some 100 in the first layer.
void network_chain(const Networks& networks, int threads, double* energy, double* error, unsigned char* trusted);

/// The derivative of ln E_l along the logarithm of all scales, weights and biases, under every law.
///
/// The chain rule through the same grids, sigma_l^2 and b_l^2 moving each v_l beside what moves q_{l-1}: interpolants
/// are differentiated, and in layer 1 a central difference of fourth order at step 0.01 of ln v.
///
/// growth   laws x L, out; 0 where there is no energy.
/// trusted  laws, out: as above.
///
/// Cost: that of network_chain with five times the nodes in layer 1: measured 1.0 to 1.3 times it for one row or many
/// layers, 2 to 5 times it for one to three hidden layers and 200 rows of different norms.
void network_chain_growth(const Networks& networks, int threads, double* growth, unsigned char* trusted);

/// The limit of infinite width, q_l = n_l g(v_l), g(v) = E phi(sqrt(v) Z)^2, and the term of order 1 / n beside it:
///
///     <q_l> = n_l g + n_l g'' sigma_l^4 V_{l-1} / 2,   V_l = n_l Var phi^2 + (n_l g' sigma_l^2)^2 V_{l-1}
///
/// (computed relative to q_l, so that squares stay within the range of a double).
///
/// leading, corrected  laws x L, out. Errors of order 1 / n and 1 / n^2, not estimated.
void network_mean_field(const Networks& networks, int threads, double* leading, double* corrected);

/// The same by sampling the chain: O(sum n_l) numbers a draw and one row, stratified over the sorted norms.
///
/// Draws first .. first + draws - 1 of as many `samples`, one by one: draw k takes a row of the k-th of `samples` equal
/// parts of the norms, so that errors of means come from differences of neighbouring draws.
///
/// seed     draw k reads stream k and nothing else: a normal for each hidden unit, layer by layer, each layer beginning
///          at an even number, and uniform 0 for its row. The draws of a batch of laws share their numbers.
/// energy   laws x draws x L, out.
///
/// The same bits for every `threads`. Cost: some 55 ns for each unit and law of a draw.
void network_chain_draws(const Networks& networks, base::Seed seed, Index first, Index draws, Index samples,
                         int threads, double* energy);

/// The preconditions above.
void check(const Networks& networks);

}  // namespace pyrometer::energy
