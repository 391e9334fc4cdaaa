#include <cmath>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/chain.hpp"
#include "pyrometer/energy/chain_rows.hpp"
#include "pyrometer/energy/chain_unit.hpp"

namespace pyrometer::energy {

void network_mean_field(const Networks& networks, int threads, double* leading, double* corrected) {
  check(networks);
  const Index layers = networks.layers();
  const RowNodes rows(networks.norms);
  const std::size_t nodes = rows.norm().size();
  base::for_each_chunk(networks.laws(), threads, [&](Index b, int) {
    const double *weight = networks.weight.row(b), *bias = networks.bias.row(b);
    std::vector<double> first(nodes * static_cast<std::size_t>(layers)), second(first.size());
    for (std::size_t node = 0; node < nodes; ++node) {
      double q = rows.norm()[node], excess = 0, spread = 0;  // of order 1, 1/n, and the variance of q
      for (Index l = 0; l < layers; ++l) {
        const double n = static_cast<double>(networks.widths[static_cast<std::size_t>(l + 1)]);
        const double square = weight[l] * weight[l], v = square * q + bias[l] * bias[l];
        first[static_cast<std::size_t>(l) * nodes + node] = n * v;
        second[static_cast<std::size_t>(l) * nodes + node] = n * (v + square * excess);
        const UnitMoments unit = unit_moments(networks.activation, v);
        q = n * unit.mean;
        excess = n * (unit.slope * square * excess + 0.5 * unit.bend * square * square * spread);
        spread = n * unit.variance + std::pow(n * unit.slope * square, 2) * spread;
      }
    }
    for (Index l = 0; l < layers; ++l) {
      leading[b * layers + l] = rows.mean(&first[static_cast<std::size_t>(l) * nodes]);
      corrected[b * layers + l] = rows.mean(&second[static_cast<std::size_t>(l) * nodes]);
      require(std::isfinite(leading[b * layers + l]) && std::isfinite(corrected[b * layers + l]),
              "energies must be finite, got one of layer ", l + 1, " under law ", b,
              " that is not; use a smaller scale.");
    }
  });
}

}  // namespace pyrometer::energy
