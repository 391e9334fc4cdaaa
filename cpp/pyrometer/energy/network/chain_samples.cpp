#include <algorithm>
#include <cmath>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kChunk = 128;  // draws: even, so that neighbours share a chunk
constexpr Index kBlock = 64;   // units whose numbers are drawn at a time: even, as normals() asks

constexpr std::size_t kMost = kChunk + 1;  // draws of a chunk, with a single last one

/// The squared norms of the rows in ascending order: draw k selects one of the k-th of `samples` equal strata.
std::vector<double> sorted_norms(const Networks& networks) {
  std::vector<double> sorted(networks.norms.begin(), networks.norms.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

/// The last chunk of a single draw joins the one before it.
Index chunks_of(Index draws) { return std::max<Index>(1, (draws - 1) / kChunk + ((draws - 1) % kChunk ? 1 : 0)); }

/// Draws first .. first + draws - 1: take(law, layer, v), v the variance of the layer's pre-activations in each draw.
template <class Take>
void run(const Networks& networks, const std::vector<double>& sorted, base::Seed seed, Index first, Index draws,
         Index samples, Take take) {
  const Index layers = networks.layers(), laws = networks.laws();
  const double rows = static_cast<double>(sorted.size());
  double place[kMost], normal[kBlock * kMost];
  std::vector<double> q(at(laws) * kMost), v(q.size());
  base::uniforms(seed, first, draws, 0, 1, place);
  for (Index k = 0; k < draws; ++k) {
    const double row = (static_cast<double>(first + k) + 0.5 + place[k]) / static_cast<double>(samples) * rows;
    const double norm = sorted[static_cast<std::size_t>(std::min(row, rows - 1))];
    for (Index b = 0; b < laws; ++b) q[at(b) * kMost + at(k)] = norm;
  }
  Index parameter = 0;
  for (Index l = 0; l < layers; ++l) {
    const Index width = networks.widths[at(l + 1)];
    for (Index b = 0; b < laws; ++b) {
      const double scale = networks.weight.row(b)[l], offset = networks.bias.row(b)[l] * networks.bias.row(b)[l];
      double* here = &v[at(b) * kMost];
      double* past = &q[at(b) * kMost];
      for (Index k = 0; k < draws; ++k) here[k] = scale * (scale * past[k]) + offset;
      take(b, l, here);
      for (Index k = 0; k < draws; ++k) {
        here[k] = std::sqrt(here[k]);
        past[k] = 0;
      }
    }
    if (l + 1 == layers) break;
    // normals() begins at even parameters: a layer of odd width leaves one number unused.
    for (Index unit = 0; unit < width; unit += kBlock) {
      const Index units = std::min(kBlock, width - unit);
      base::normals(seed, first, draws, parameter + unit, units, normal);
      for (Index b = 0; b < laws; ++b) {
        const double* deviation = &v[at(b) * kMost];
        double* sum = &q[at(b) * kMost];
        const double shift = networks.shift.size() > 0 ? networks.shift.row(b)[l] : 0;
        for (Index j = 0; j < units; ++j)
          for (Index k = 0; k < draws; ++k) {
            const double x = model::activate(networks.activation[at(l)], shift + deviation[k] * normal[j * draws + k]);
            sum[k] += x * x;
          }
      }
    }
    parameter += width + width % 2;
  }
}

void require_energy(double energy, Index law, Index l) {
  require(std::isfinite(energy), "energies must be finite, got an overflow in layer ", l + 1, " under law ", law,
          "; use a smaller scale.");
}

}  // namespace

void network_chain_draws(const Networks& networks, base::Seed seed, Index first, Index draws, Index samples,
                         int threads, double* energy) {
  check(networks);
  require(first >= 0 && draws >= 1 && first + draws <= samples, "draws must be within the ", samples, " samples, got ",
          draws, " from ", first);
  const std::vector<double> sorted = sorted_norms(networks);
  const Index layers = networks.layers(), number = chunks_of(draws);
  base::for_each_chunk(number, threads, [&](Index chunk, int) {
    const Index begin = chunk * kChunk, count = chunk + 1 == number ? draws - begin : kChunk;
    run(networks, sorted, seed, first + begin, count, samples, [&](Index b, Index l, const double* v) {
      const double width = static_cast<double>(networks.widths[at(l + 1)]);
      const double fixed = networks.shift.size() > 0 ? width * square(networks.shift.row(b)[l]) : 0;
      for (Index k = 0; k < count; ++k) {
        energy[(b * draws + begin + k) * layers + l] = width * v[k] + fixed;
        require_energy(width * v[k] + fixed, b, l);
      }
    });
  });
}

}  // namespace pyrometer::energy
