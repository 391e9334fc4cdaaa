// One law of one network, for the chain of layers.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/network/chain.hpp"
#include "pyrometer/model/activation.hpp"

namespace pyrometer::energy {

struct Chain {
  const Networks& networks;
  const double* weight;
  const double* bias;
  const double* shifts;  // nullptr for none

  Chain(const Networks& all, Index law)
      : networks(all),
        weight(all.weight.row(law)),
        bias(all.bias.row(law)),
        shifts(all.shift.size() > 0 ? all.shift.row(law) : nullptr) {}

  [[nodiscard]] Index layers() const { return networks.layers(); }
  [[nodiscard]] double width(Index l) const { return static_cast<double>(networks.widths[at(l)]); }
  [[nodiscard]] Index outputs() const { return networks.widths.back(); }
  [[nodiscard]] model::Activation activation(Index l) const { return networks.activation[at(l - 1)]; }
  /// The number of energies, those of the layers and the cross entropy.
  [[nodiscard]] Index last() const { return networks.energies(); }
  [[nodiscard]] double variance(Index l, double q) const {
    return weight[l - 1] * (weight[l - 1] * q) + bias[l - 1] * bias[l - 1];
  }
  /// The constant biases of a layer.
  [[nodiscard]] double shift(Index l) const { return shifts ? shifts[l - 1] : 0; }
  [[nodiscard]] double energy(Index l, double v) const { return width(l) * (v + shift(l) * shift(l)); }
  /// Whether units of layer l are 0 where their variance is.
  [[nodiscard]] bool rests(Index l) const { return model::activate(activation(l), shift(l)) == 0; }
  /// Whether the pre-activations of a layer are 0 for all rows.
  [[nodiscard]] bool vanishes(Index l) const {
    for (; l >= 1; --l) {
      if (bias[l - 1] != 0 || shift(l) != 0) return false;
      if (weight[l - 1] == 0) return true;
      if (l > 1 && !rests(l - 1)) return false;
    }
    return false;
  }
  /// Whether v_{l+2} given v_{l+1} is distributed as v_{l+1} given v_l, and energies of layers l + 1 and l + 2 differ
  /// by their widths only.
  [[nodiscard]] bool repeats(Index l) const {
    return l + 2 <= layers() && activation(l) == activation(l + 1) &&
           networks.widths[at(l)] == networks.widths[at(l + 1)] && weight[l] == weight[l + 1] &&
           bias[l] == bias[l + 1] && shift(l) == shift(l + 1) && shift(l + 1) == shift(l + 2);
  }
};

/// An interval of ln v, empty if from > to.
struct Range {
  double from, to;
};
[[nodiscard]] inline Range joined(const Range& a, const Range& b) {
  return {std::min(a.from, b.from), std::max(a.to, b.to)};
}

/// For each layer l = 1 .. L, at [l], the range of ln v_l in which energies of the layers above are not powers of v_l:
/// on either side of it their logarithms are linear in ln v_l, within rounding.
///
/// That is where the layer's own activation is bent, and where the variance of the next layer is in its range, or its
/// bias not negligible beside the weights or all that counts. Cost: 100 ns a layer.
[[nodiscard]] std::vector<Range> bent_ranges(const Chain& chain);

}  // namespace pyrometer::energy
