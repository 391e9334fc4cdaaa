#include <cmath>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain.hpp"
#include "pyrometer/energy/network/chain_rows.hpp"
#include "pyrometer/energy/network/chain_unit.hpp"

namespace pyrometer::energy {

void network_mean_field(const Networks& networks, int threads, double* leading, double* corrected) {
  check(networks);
  const Index layers = networks.layers();
  const RowNodes rows(networks.norms);
  const std::size_t nodes = rows.norm().size();
  base::for_each_chunk(networks.laws(), threads, [&](Index b, int) {
    const double *weight = networks.weight.row(b), *bias = networks.bias.row(b);
    std::vector<double> first(nodes * at(layers)), second(first.size());
    for (std::size_t node = 0; node < nodes; ++node) {
      double q = rows.norm()[node], excess = 0, spread = 0;  // mean of q, its term in 1 / n and its variance, relative
      for (Index l = 0; l < layers; ++l) {
        const double n = static_cast<double>(networks.widths[at(l + 1)]);
        const double from_q = weight[l] * (weight[l] * q), v = from_q + bias[l] * bias[l];
        require(std::isfinite(n * v), "energies must be finite, got an overflow in layer ", l + 1, " under law ", b,
                "; use a smaller scale.");
        const double share = v > 0 ? from_q / v : 0, c = networks.shift.size() > 0 ? networks.shift.row(b)[l] : 0;
        first[at(l) * nodes + node] = n * v + n * c * c;
        second[at(l) * nodes + node] = n * v * (1 + share * excess) + n * c * c;
        const UnitMoments unit = unit_moments(networks.activation, v, c);
        q = n * unit.mean;
        excess = unit.slope * share * excess + 0.5 * unit.bend * share * share * spread;
        spread = unit.variance / n + unit.slope * share * (unit.slope * share) * spread;
      }
    }
    for (Index l = 0; l < layers; ++l) {
      leading[b * layers + l] = rows.mean(&first[at(l) * nodes]);
      corrected[b * layers + l] = rows.mean(&second[at(l) * nodes]);
      require(std::isfinite(leading[b * layers + l]) && std::isfinite(corrected[b * layers + l]),
              "energies must be finite, got an overflow in layer ", l + 1, " under law ", b, "; use a smaller scale.");
    }
  });
}

}  // namespace pyrometer::energy
