// Mean energies of every layer of a network with normal weights at finite width, by quadrature.
#pragma once

#include <vector>

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/types.hpp"
#include "pyrometer/model/activation.hpp"

namespace pyrometer::energy {

/// A network shape, a batch of laws, and the norms of the rows.
///
/// widths  L + 1 numbers n_0 .. n_L, each at least 1.
/// weight  laws x L, finite, >= 0: standard deviations sigma_l of the weights of layer l; 0 if all weights are 0.
/// bias    laws x L, finite, >= 0: those of the biases, 0 for none.
/// norms   |x_i|^2 of the rows, finite, >= 0, at least one.
/// shift   laws x L, finite: constant biases c_l of every unit of a layer; empty for none.
/// activation     that of each hidden layer.
/// cross_entropy  whether the mean cross entropy of the outputs is one more energy, after those of the layers.
struct Networks {
  std::vector<model::Activation> activation;
  std::vector<Index> widths;
  Matrix weight, bias;
  Vector norms;
  Matrix shift = {};
  bool cross_entropy = false;

  [[nodiscard]] Index layers() const { return static_cast<Index>(widths.size()) - 1; }
  [[nodiscard]] Index laws() const { return weight.rows; }
  /// Energies for each law.
  [[nodiscard]] Index energies() const { return layers() + (cross_entropy ? 1 : 0); }
};

/// Given layer l - 1, the pre-activations of layer l are independent N(c_l, v_l), so q_l = |x_l|^2 is a Markov chain:
///
///     q_0 = |x|^2,   v_l = sigma_l^2 q_{l-1} + b_l^2,   q_l = sum of n_l independent phi(z)^2, z ~ N(c_l, v_l)
///     E_l = <|z_l|^2> = n_l (<v_l> + c_l^2),   averaged over rows
///
/// Backwards: the energy of layer k given v_l is a function of ln v_l; its logarithm is interpolated at Chebyshev nodes
/// of panels as wide as it is smooth (chain_grid.hpp), and at each node averaged over a Gauss rule of the
/// distribution of q_l (chain_rule.hpp). Large values of small probability count by the energy that follows from them,
/// however rare they are: nothing is said of the distribution of v_l. The panels cover where energies are not powers of
/// v_l within rounding (chain_law.hpp), but for values whose probability, times the energy, is below 1e-22. Layers that
/// repeat have their grids, rules and functions in common. All rows share the nodes: the cost does not depend on their
/// number, except for one pass over the norms.
///
/// With cross entropy the outputs z_L are logits, independent N(0, v_L) given layer L - 1, and labels drop out:
///
///     E_{L+1} = <F(v_L)>,   F of cross_entropy.hpp, averaged over the rule of q_{L-1}
///
/// energy   laws x energies(), out.
/// error    laws x energies(), out: estimate of the absolute error: four times the difference to a coarser
///          discretisation (rules, grids and quadratures), relative to the energy and at least that of the layers
///          before, plus interpolation over rows and rounding; 8 times differences below 1e-11; 32 times the difference
///          with hardtanh or hardswish, whose kinks may be resolved by the finer discretisation only. Up to four
///          refinements, until four times the difference is 1e-9 of the energy, or 1e-6 where more than 5,000
///          distributions have been computed. No proof: of 1,000 random networks the difference to a finer
///          discretisation was at most 19 times that to the coarser one with kinks, below four times without, and 6.2
///          times where it is below 1e-11.
/// trusted  laws, out: 1 where the error is below 1e-4 of the energy in every layer; 0 otherwise: the caller should
///          sample.
///
/// Without cross entropy relu, leaky_relu and identity have the closed form <q_l> = n_l (1 + a^2) / 2 <v_l>, whose
/// error is rounding, where no hidden layer has a shift.
///
/// Throws std::invalid_argument for a violated precondition, and if an energy overflows.
/// The same bits for every `threads`.
///
/// Cost for each law, on one thread, with N nodes, up to 16 for each deviation of ln q_l in a range of ln v_l of at
/// most 60 to 110: for layers of each kind 6 us a node, 0.01 to 0.1 ms for fewer than 64 units; for each layer that
/// does not repeat N (L - l) rules of 8 to 32 points at 20 flops and an exponential each, 10 ns a point. 50 layers of
/// one kind: 1 ms to 0.7 s; 30 layers of different widths below 40: 0.1 to 0.5 s, and 2.7 s with hardswish, whose kinks
/// ask for the finest discretisation. Memory: about 2 kB a node for each layer.
void network_chain(const Networks& networks, int threads, double* energy, double* error, unsigned char* trusted);

/// The derivative of ln E_l along the logarithm of all scales, weights and biases, but not shifts, under every law.
///
/// The chain rule on the same grids: v_l depends on the scales directly through sigma_l^2 and b_l^2, and through
/// q_{l-1}. Interpolants are differentiated; in layer 1 a central difference of fourth order with step 0.01 of ln v.
///
/// growth   laws x energies(), out; 0 where the energy is 0.
/// error    laws x energies(), out: estimate of the error of the derivative of E_l, in units of E_l: from the
///          difference to the coarser discretisation, as of energies, what the central difference leaves out, h^2 times
///          its difference to that of second order, and rounding.
/// trusted  laws, out: as above.
///
/// Cost: that of network_chain with five times the nodes in layer 1: measured 1.0 to 1.5 times it for one row or many
/// layers, 1.6 to 5 times it for one to three hidden layers and 200 rows of different norms.
void network_chain_growth(const Networks& networks, int threads, double* growth, double* error, unsigned char* trusted);

/// The limit of infinite width, q_l = n_l g(v_l), g(v) = E phi(sqrt(v) Z)^2, and its correction of order 1 / n:
///
///     <q_l> = n_l g + n_l g'' sigma_l^4 V_{l-1} / 2,   V_l = n_l Var phi^2 + (n_l g' sigma_l^2)^2 V_{l-1}
///
/// (computed relative to q_l, so that squares stay within the range of a double).
///
/// and with cross entropy F(v_L) and its expansion to the same order.
///
/// leading, corrected  laws x energies(), out. Errors of order 1 / n and 1 / n^2, not estimated.
void network_mean_field(const Networks& networks, int threads, double* leading, double* corrected);

/// The same by sampling the chain: O(sum n_l) random numbers a draw, with one row each, stratified over the sorted
/// norms.
///
/// Draws first .. first + draws - 1 of `samples`: draw k uses a row of the k-th of `samples` equal strata of the norms,
/// so that standard errors are estimated from differences of neighbouring draws.
///
/// seed     draw k reads stream k and nothing else: a normal for each hidden unit, layer by layer, each layer beginning
///          at an even number, and uniform 0 for its row. The draws of a batch of laws share their numbers.
/// energy   laws x draws x L, out.
///
/// The same bits for every `threads`. Cost: about 55 ns for each unit and law of a draw.
void network_chain_draws(const Networks& networks, base::Seed seed, Index first, Index draws, Index samples,
                         int threads, double* energy);

/// The preconditions above.
void check(const Networks& networks);

}  // namespace pyrometer::energy
