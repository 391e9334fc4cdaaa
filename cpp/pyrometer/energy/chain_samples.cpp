#include <algorithm>
#include <cmath>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/chain.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kChunk = 128;  // draws: even, so that neighbours share a chunk
constexpr Index kBlock = 64;   // units whose numbers are drawn at a time: even, as normals() asks

/// Sums over the draws of a chunk, of one law and layer: energies, and squared differences of neighbours.
struct Sums {
  double energy = 0, squares = 0;
};

void add(const double* v, double width, Index draws, Sums& sums) {
  for (Index k = 0; k < draws; ++k) sums.energy += width * v[k];
  for (Index k = 0; k + 1 < draws; k += 2) sums.squares += width * width * (v[k] - v[k + 1]) * (v[k] - v[k + 1]);
  // An odd last draw is compared with the one before it.
  if (draws % 2 == 1 && draws > 1) {
    const double difference = width * (v[draws - 1] - v[draws - 2]);
    sums.squares += 0.5 * difference * difference;
  }
}

}  // namespace

void network_chain_samples(const Networks& networks, base::Seed seed, Index samples, int threads, double* mean,
                           double* standard_error) {
  check(networks);
  require(samples >= 2, "samples must be at least 2, got ", samples);
  const Index layers = networks.layers(), laws = networks.laws();
  std::vector<double> sorted(networks.norms.begin(), networks.norms.end());
  std::sort(sorted.begin(), sorted.end());
  const double rows = static_cast<double>(sorted.size());
  // The last chunk of a single draw joins the one before it.
  const Index number = std::max<Index>(1, (samples - 1) / kChunk + ((samples - 1) % kChunk ? 1 : 0));
  std::vector<Sums> sums(static_cast<std::size_t>(number * laws * layers));

  base::for_each_chunk(number, threads, [&](Index chunk, int) {
    const Index first = chunk * kChunk, draws = chunk + 1 == number ? samples - first : kChunk;
    constexpr std::size_t kMost = kChunk + 1;
    double place[kMost], normal[kBlock * kMost];
    std::vector<double> q(static_cast<std::size_t>(laws) * kMost), v(q.size());
    base::uniforms(seed, first, draws, 0, 1, place);
    for (Index k = 0; k < draws; ++k) {
      const double row = (static_cast<double>(first + k) + 0.5 + place[k]) / static_cast<double>(samples) * rows;
      const double norm = sorted[static_cast<std::size_t>(std::min(row, rows - 1))];
      for (Index b = 0; b < laws; ++b) q[static_cast<std::size_t>(b) * kMost + static_cast<std::size_t>(k)] = norm;
    }
    Index parameter = 0;
    for (Index l = 0; l < layers; ++l) {
      const Index width = networks.widths[static_cast<std::size_t>(l + 1)];
      for (Index b = 0; b < laws; ++b) {
        const double slope = networks.weight.row(b)[l] * networks.weight.row(b)[l];
        const double offset = networks.bias.row(b)[l] * networks.bias.row(b)[l];
        double* here = &v[static_cast<std::size_t>(b) * kMost];
        double* past = &q[static_cast<std::size_t>(b) * kMost];
        for (Index k = 0; k < draws; ++k) here[k] = slope * past[k] + offset;
        add(here, static_cast<double>(width), draws, sums[static_cast<std::size_t>((chunk * laws + b) * layers + l)]);
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
          const double* deviation = &v[static_cast<std::size_t>(b) * kMost];
          double* sum = &q[static_cast<std::size_t>(b) * kMost];
          for (Index j = 0; j < units; ++j)
            for (Index k = 0; k < draws; ++k) {
              const double x = model::activate(networks.activation, deviation[k] * normal[j * draws + k]);
              sum[k] += x * x;
            }
        }
      }
      parameter += width + width % 2;
    }
  });

  const double count = static_cast<double>(samples);
  for (Index i = 0; i < laws * layers; ++i) {
    Sums all;
    for (Index chunk = 0; chunk < number; ++chunk) {
      const Sums& part = sums[static_cast<std::size_t>(chunk * laws * layers + i)];
      all.energy += part.energy;
      all.squares += part.squares;
    }
    mean[i] = all.energy / count;
    standard_error[i] = std::sqrt(all.squares) / count;
    require(std::isfinite(mean[i]) && std::isfinite(standard_error[i]), "energies must be finite, got one of layer ",
            i % layers + 1, " under law ", i / layers, " that is not; use a smaller scale.");
  }
}

}  // namespace pyrometer::energy
