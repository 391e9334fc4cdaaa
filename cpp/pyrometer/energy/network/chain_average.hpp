// Energies at the nodes of a layer from those of the layer above, for the chain of layers.
#pragma once

#include <vector>

#include "pyrometer/energy/network/chain_grid.hpp"
#include "pyrometer/energy/network/chain_law.hpp"

namespace pyrometer::energy {

/// Where the variances of layer l + 1, at the points of the rules at all nodes of layer l, are on its grid.
struct Transition {
  struct Value {
    double weight;      // of the point
    double log;         // ln v
    double past;        // of ln v beyond the grid: above 0 beyond its end, below 0 before its start
    std::size_t first;  // node of the panel
    bool zero;          // whether v is 0
  };
  std::vector<std::size_t> begin;  // of the values of each node, and the end
  std::vector<Value> value;
  std::vector<double> basis;                   // the Lagrange polynomials of each value, unit.size() of them
  const Layer *from = nullptr, *to = nullptr;  // layers l and l + 1; none at first
};

/// The energies of layers l .. L, and the cross entropy, at the nodes of layer l, from those of layer l + 1:
///
///     E_k(v_l) = sum_j w_j E_k(v_{l+1}(q_j)),   q_j and w_j the rule of q_l at the node
///
/// with ln E_k interpolated in its panel at ln v_{l+1}, and beyond the grid extended as a power. Where layers repeat
/// and have one grid, E_k at a node is that of layer k + 1 at the same node of layer l + 1, and only those that are not
/// known from there are averaged; the transition is kept.
///
/// growing     whether derivatives of ln E along all scales are computed too.
/// transition  that of layer l + 1, which becomes that of layer l.
///
/// Cost: for each point of a rule 2 n flops, n nodes in a panel, and an exponential for each energy; 80 ns where the
/// transition is new. 8 n + 40 bytes are kept for each point.
void average(const Chain& chain, Index l, const Layer& above, bool growing, int threads, Transition& transition,
             Layer& layer);

}  // namespace pyrometer::energy
