#include <cmath>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain.hpp"
#include "pyrometer/energy/network/chain_rows.hpp"
#include "pyrometer/energy/network/chain_unit.hpp"
#include "pyrometer/energy/network/cross_entropy.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kApartInLog = 0.05;  // of v, for the second derivative

/// The mean cross entropy where v has mean v (1 + excess) and the relative variance `spread`, to the order of these.
double corrected_cross_entropy(Index outputs, double v, double excess, double spread) {
  std::vector<double> near{v};
  for (const double k : {-2.0, -1.0, 1.0, 2.0}) near.push_back(v * std::exp(kApartInLog * k));
  const CrossEntropy mean = cross_entropy(outputs, near);
  const std::vector<double>& s = mean.slope;  // twice the derivative along ln v
  const double first = 0.5 * s[0], second = 0.5 * (s[1] - s[4] + 8 * (s[3] - s[2])) / (12 * kApartInLog);
  return mean.value[0] + first * excess + 0.5 * (second - first) * spread;
}

}  // namespace

void network_mean_field(const Networks& networks, int threads, double* leading, double* corrected) {
  check(networks);
  const Index layers = networks.layers(), energies = networks.energies();
  const RowNodes rows(networks.norms);
  const std::size_t nodes = rows.norm().size();
  base::for_each_chunk(networks.laws(), threads, [&](Index b, int) {
    const double *weight = networks.weight.row(b), *bias = networks.bias.row(b);
    std::vector<double> first(nodes * at(energies)), second(first.size());
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
        if (l + 1 == layers) {
          if (!networks.cross_entropy) break;
          first[at(layers) * nodes + node] = cross_entropy(networks.widths.back(), {v}).value[0];
          second[at(layers) * nodes + node] =
              corrected_cross_entropy(networks.widths.back(), v, share * excess, share * share * spread);
          break;
        }
        const UnitMoments unit = unit_moments(networks.activation[at(l)], v, c);
        q = n * unit.mean;
        excess = unit.slope * share * excess + 0.5 * unit.bend * share * share * spread;
        spread = unit.variance / n + unit.slope * share * (unit.slope * share) * spread;
      }
    }
    for (Index l = 0; l < energies; ++l) {
      leading[b * energies + l] = rows.mean(&first[at(l) * nodes]);
      corrected[b * energies + l] = rows.mean(&second[at(l) * nodes]);
      require(std::isfinite(leading[b * energies + l]) && std::isfinite(corrected[b * energies + l]),
              "energies must be finite, got an overflow in layer ", l + 1, " under law ", b, "; use a smaller scale.");
    }
  });
}

}  // namespace pyrometer::energy
