// Grids of ln v_l and the rules of |x_l|^2 at their nodes, for the chain of layers.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/network/chain_law.hpp"
#include "pyrometer/energy/network/chain_rule.hpp"
#include "pyrometer/energy/network/chebyshev.hpp"

namespace pyrometer::energy {

inline constexpr double kLeast = 1e-280;  // smallest variance that is not 0, and energy whose logarithm is used

/// Parameters of the discretisation.
struct Fineness {
  // Points of a rule, for wide layers, others, and those of at most 8 units whose activation accelerates.
  std::size_t wide, narrow, few;
  std::size_t nodes;  // of a panel
  double panel;       // its width, in standard deviations of ln |x_l|^2 given v_l
  double smooth;      // its width in ln v where the energies of the layers above are smooth in it
  double widest;      // its width in ln v at most: each discretisation refines every panel
  double step;        // of the quadrature over one unit
};

/// The distribution of q_l = |x_l|^2 given v_l.
struct Given {
  Rule rule;    // without points if not needed
  double mean;  // of q_l
};

/// Distributions by what they depend on, so that layers of one kind share them.
class GivenVariance {
 public:
  /// The distribution for each v, in the same order, for layer l.
  ///
  /// bend  scale c of rules of narrow layers (chain_rule.hpp); 0 for means alone.
  /// Cost: 6 us for each v that is new for layers of 64 or more units, 0.01 to 0.1 ms for narrower ones.
  std::vector<const Given*> of(const Chain& chain, Index l, const std::vector<double>& v, double bend,
                               const Fineness& fineness, int threads);

  /// The number of distributions.
  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  // Width, shift, scale of the rule (with a shift, that above it), v.
  using Key = std::tuple<model::Activation, Index, double, double, double>;
  std::map<Key, Given> known_;
};

/// The grid of v_l at layer l, with functions on it.
///
/// Panels [k width, (k + 1) width) of ln v, k whole, with Chebyshev nodes in each: layers of equal width have their
/// nodes in common, but those of the first and the last panel, which end with the range, at eighths of a panel. Nodes
/// of a panel: `unit.size()`.
struct Layer {
  Range range{0, -1};          // of ln v to represent
  Chebyshev unit{0, 1, 1};     // the nodes of a panel, in units of its length
  double width = 0;            // of a panel inside; 0 if there is none: in the first layer, whose nodes are the rows'
  long first = 0, panels = 0;  // the first k, and their number
  double low = 0, high = 0;    // ends of the grid
  std::vector<double> v;       // nodes, panel by panel, then 0 if it can be reached
  bool zero = false;           // whether the last node is 0
  std::vector<double> mass;    // approximate probability of each node
  std::vector<const Given*> given;  // q_l
  std::vector<double> energy;       // of layers l .. L, and the cross entropy: energy[(k - l) * size + node]
  std::vector<double> growth;       // d ln energy / d ln (all scales) at the same v, in the same order, if requested

  [[nodiscard]] std::size_t size() const { return v.size(); }
  [[nodiscard]] std::size_t smooth() const { return v.size() - (zero ? 1 : 0); }
  [[nodiscard]] bool same_grid(const Layer& other) const {
    return width == other.width && low == other.low && high == other.high && v.size() == other.v.size() &&
           unit.size() == other.unit.size();
  }
  /// Where panel k begins and ends.
  [[nodiscard]] Range ends(long k) const {
    return {k == 0 ? low : width * static_cast<double>(first + k),
            k + 1 == panels ? high : width * static_cast<double>(first + k + 1)};
  }
  /// The panel, 0 .. panels - 1, that contains ln v or is nearest, and the place within it, from 0 to 1.
  struct Place {
    long panel;
    double inside;
  };
  [[nodiscard]] Place place(double log) const;
  /// The first node of that panel, and the Lagrange polynomials of its nodes.
  std::size_t basis(double log, double* out) const;
  /// Sets the panels, at least `panel` wide, and nodes for the range, and zero.
  void divide(double panel, std::size_t nodes);
};

/// The grid of layer l, 2 <= l < L, from the values that follow from layer l - 1.
///
/// Values matter up to a probability of 1e-22, or less where panels are wider than the fluctuations, times how much
/// larger energies are than at the mean; and within `bent`, outside of which energies are extrapolated.
[[nodiscard]] Layer grid_of(const Chain& chain, Index l, const Fineness& fineness, const Layer& before,
                            const Range& bent, const std::vector<double>& panel);

/// The width of the panels of each layer, at [l].
///
/// An energy of a layer above is a function of ln v_l that is smooth over a distance, the larger of two: of the order
/// of the fluctuations of ln q_l given v_l, over which it is averaged; and that of the function of ln v_{l+1} above,
/// divided by how fast ln v_{l+1} grows with ln v_l, at most 5 / 4 for all activations without shifts.
[[nodiscard]] std::vector<double> panel_widths(const Chain& chain, const Fineness& fineness);

/// Gives layers that repeat (Chain::repeats) the grid of all their ranges, of layer[l], l = 2 .. L - 1.
void unite(const Chain& chain, const Fineness& fineness, const std::vector<double>& panel, std::vector<Layer>& layer);

/// The least q_l about which an energy above bends: where the variance of a layer above reaches 1 / 1000, or the square
/// of its shift, if that is less and layer l is a single unit or the activation above homogeneous; for l = 1 .. L - 1,
/// at [l], as a power of 2^8.
[[nodiscard]] std::vector<double> bends(const Chain& chain);

}  // namespace pyrometer::energy
