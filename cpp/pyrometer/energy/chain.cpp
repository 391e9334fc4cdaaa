#include "pyrometer/energy/chain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/chain_rows.hpp"
#include "pyrometer/energy/chain_rule.hpp"
#include "pyrometer/energy/chain_unit.hpp"
#include "pyrometer/energy/chebyshev.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kWide = 64;          // units from which on cumulants make the rule
constexpr double kBend = 0.25;       // variance at which the energies of the layers above bend
constexpr double kGoal = 1e-9;       // relative error at which to stop
constexpr double kTrusted = 1e-4;    // relative error
constexpr double kRounding = 1e-14;  // relative, for each layer
constexpr double kCaution = 4;       // times the difference of two calculations, where convergence may be slow
constexpr double kMostNodes = 256;   // of a grid
constexpr double kLeast = 1e-280;    // has a logarithm

/// How fine a calculation is.
struct Fineness {
  std::size_t wide, narrow;  // points of a rule
  double nodes, nodes_each;  // of a grid, and for each unit of its width
  double step;               // of the quadrature over one unit
};
constexpr Fineness kFineness[] = {
    {8, 14, 8, 3.4, 0.1}, {10, 18, 10, 4.5, 0.08}, {12, 24, 16, 7, 0.08}, {14, 30, 24, 10, 0.07}};

/// One law of one network.
struct Chain {
  const Networks& networks;
  const double* weight;
  const double* bias;

  [[nodiscard]] double width(Index l) const { return static_cast<double>(networks.widths[at(l)]); }
  [[nodiscard]] double variance(Index l, double q) const {
    return weight[l - 1] * weight[l - 1] * q + bias[l - 1] * bias[l - 1];
  }
  /// The least q_l about which an energy above bends: where the variance of a layer above reaches kBend. An activation
  /// that vanishes at 0 passes small variances on in proportion.
  [[nodiscard]] double bend(Index l) const {
    const double slope = weight[l] * weight[l];
    double v = kBend;
    if (l + 2 < networks.layers() && model::activate(networks.activation, 0) == 0)
      v = std::min(v, bend(l + 1) / width(l + 1));
    return (bias[l] * bias[l] + v) / slope;
  }
};

/// The values of v_l at which layer l is known, and what follows from each.
struct Layer {
  std::vector<double> v;        // grid nodes, then 0 if it can be reached
  std::vector<Chebyshev> grid;  // none in the first layer, whose nodes are the rows'
  std::vector<Rule> rule;       // of q_l
  std::vector<double> mean;     // of q_l
  std::vector<double> energy;   // of the layers l .. L: energy[(k - l) * size + node]

  [[nodiscard]] std::size_t size() const { return v.size(); }
};

void find_rules(const Chain& chain, Index l, const Fineness& fineness, int threads, Layer& layer) {
  const Index count = chain.networks.widths[at(l)];
  const bool last = l + 1 == chain.networks.layers();
  layer.rule.resize(layer.size());
  layer.mean.resize(layer.size());
  const double bend = last ? 0 : chain.bend(l);
  base::for_each_chunk(static_cast<Index>(layer.size()), threads, [&](Index node, int) {
    const Rule one = squared_unit(chain.networks.activation, layer.v[at(node)], fineness.step);
    double mean = 0;
    for (std::size_t i = 0; i < one.size(); ++i) mean += one.weight[i] * one.point[i];
    layer.mean[at(node)] = static_cast<double>(count) * mean;
    if (!last)
      layer.rule[at(node)] = count >= kWide ? sum_by_cumulants(one, count, fineness.wide)
                                            : sum_by_powering(one, count, fineness.narrow, bend);
  });
}

/// The grid of layer l from what layer l - 1 can reach.
Layer reached(const Chain& chain, Index l, const Fineness& fineness, const Layer& before) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  bool zero = false;
  for (const Rule& rule : before.rule)
    for (const double q : rule.point) {
      const double v = chain.variance(l, q);
      require(std::isfinite(v), "energies must be finite, got one of layer ", l, " that is not; use a smaller scale.");
      if (v < kLeast) {
        zero = true;
      } else {
        low = std::min(low, v);
        high = std::max(high, v);
      }
    }
  Layer layer;
  if (high > 0) {
    low = std::log(low) - 1e-12;
    high = std::log(high) + 1e-12;
    const double size = std::ceil(fineness.nodes + fineness.nodes_each * (high - low));
    layer.grid.emplace_back(low, high, static_cast<std::size_t>(std::min(size, kMostNodes)));
    for (std::size_t i = 0; i < layer.grid[0].size(); ++i) layer.v.push_back(std::exp(layer.grid[0].node(i)));
  }
  if (zero) layer.v.push_back(0);
  return layer;
}

/// The energies of layers l .. L at the nodes of layer l, from those of layer l + 1.
void average(const Chain& chain, Index l, const Layer& above, int threads, Layer& layer) {
  const Index layers = chain.networks.layers();
  const std::size_t size = layer.size();
  layer.energy.resize(at(layers - l + 1) * size);
  const std::size_t smooth = above.grid.empty() ? 0 : above.grid[0].size();
  std::vector<double> logs(smooth * at(std::max<Index>(0, layers - l - 1)));
  for (Index k = l + 2; k <= layers; ++k)
    for (std::size_t i = 0; i < smooth; ++i)
      logs[at(k - l - 2) * smooth + i] = std::log(std::max(kLeast, above.energy[at(k - l - 1) * above.size() + i]));
  base::for_each_chunk(static_cast<Index>(size), threads, [&](Index chunk, int) {
    const std::size_t node = at(chunk);
    layer.energy[node] = chain.width(l) * layer.v[node];
    if (l < layers) layer.energy[size + node] = chain.width(l + 1) * chain.variance(l + 1, layer.mean[node]);
    if (l + 2 > layers) return;
    const Rule& rule = layer.rule[node];
    std::vector<double> basis(smooth);
    for (std::size_t j = 0; j < rule.size(); ++j) {
      const double v = chain.variance(l + 1, rule.point[j]);
      const bool zero = v < kLeast;
      if (!zero) above.grid[0].basis(std::log(v), basis.data());
      for (Index k = l + 2; k <= layers; ++k) {
        double value;
        if (zero) {
          value = above.energy[at(k - l - 1) * above.size() + above.size() - 1];
        } else {
          value = 0;
          for (std::size_t i = 0; i < smooth; ++i) value += basis[i] * logs[at(k - l - 2) * smooth + i];
          value = std::exp(value);
        }
        layer.energy[at(k - l) * size + node] += rule.weight[j] * value;
      }
    }
  });
}

/// The energies of all layers at every node of the rows: (layer, node).
std::vector<double> solve(const Chain& chain, const RowNodes& rows, const Fineness& fineness, int threads) {
  const Index layers = chain.networks.layers();
  std::vector<Layer> layer(at(layers + 1));
  for (const double q : rows.norm()) layer[1].v.push_back(chain.variance(1, q));
  for (Index l = 1; l < layers; ++l) {
    find_rules(chain, l, fineness, threads, layer[at(l)]);
    if (l + 1 < layers) layer[at(l + 1)] = reached(chain, l + 1, fineness, layer[at(l)]);
  }
  for (Index l = std::max<Index>(1, layers - 1); l >= 1; --l)
    average(chain, l, layer[at(l + 1 <= layers ? l + 1 : l)], threads, layer[at(l)]);
  return std::move(layer[1].energy);
}

void homogeneous(const Chain& chain, double* energy, double* error) {
  double q = 0;
  for (const double norm : chain.networks.norms) q += norm;
  q /= static_cast<double>(chain.networks.norms.size());
  const double factor = model::homogeneous_factor(chain.networks.activation);
  for (Index l = 1; l <= chain.networks.layers(); ++l) {
    energy[l - 1] = chain.width(l) * chain.variance(l, q);
    error[l - 1] =
        (kRounding * static_cast<double>(l) + 1e-16 * std::sqrt(static_cast<double>(chain.networks.norms.size()))) *
        energy[l - 1];
    q = factor * energy[l - 1];
  }
}

bool general(const Chain& chain, const RowNodes& rows, int threads, double* energy, double* error) {
  std::vector<double> fine, coarse;
  double worst = 0;  // relative error of any layer
  for (const Fineness& fineness : kFineness) {
    coarse.swap(fine);
    fine = solve(chain, rows, fineness, threads);
    if (coarse.empty()) continue;
    worst = 0;
    for (Index l = 1; l <= chain.networks.layers(); ++l) {
      const std::size_t first = at(l - 1) * rows.norm().size();
      const double value = rows.mean(&fine[first]);
      energy[l - 1] = value;
      error[l - 1] = kCaution * std::abs(value - rows.mean(&coarse[first])) + rows.error(&fine[first]) +
                     kRounding * static_cast<double>(l) * value;
      if (value > 0) worst = std::max(worst, error[l - 1] / value);
    }
    if (worst <= kGoal) break;
  }
  return worst <= kTrusted;
}

}  // namespace

void check(const Networks& networks) {
  const Index layers = networks.layers();
  require(layers >= 1, "widths must have at least two numbers, got ", layers + 1);
  for (const Index width : networks.widths) require(width >= 1, "widths must be at least 1, got ", width);
  for (const auto& [matrix, name] : {std::pair{networks.weight, "weight"}, std::pair{networks.bias, "bias"}}) {
    require(matrix.cols == layers, name, " must have ", layers, " columns, one for each layer, got ", matrix.cols);
    require(matrix.rows == networks.weight.rows, "weight and bias must have the same number of rows, got ",
            networks.weight.rows, " and ", matrix.rows);
    const bool weights = name[0] == 'w';
    for (Index i = 0; i < matrix.size(); ++i)
      require(std::isfinite(matrix.data[i]) && (weights ? matrix.data[i] > 0 : matrix.data[i] >= 0), name,
              weights ? " must be finite and positive, got " : " must be finite and not negative, got ",
              matrix.data[i]);
  }
  require(!networks.norms.empty(), "norms must have at least one row, got none");
  for (const double norm : networks.norms)
    require(std::isfinite(norm) && norm >= 0, "norms must be finite and not negative, got ", norm);
}

void network_chain(const Networks& networks, int threads, double* energy, double* error, unsigned char* trusted) {
  check(networks);
  const Index layers = networks.layers(), laws = networks.laws();
  const bool closed = model::is_homogeneous(networks.activation);
  const RowNodes rows(closed ? networks.norms.first(1) : networks.norms);
  // Nested loops run on one thread: laws in parallel where there are several, else the nodes of a layer.
  base::for_each_chunk(laws, threads, [&](Index b, int) {
    const Chain chain{networks, networks.weight.row(b), networks.bias.row(b)};
    double *energies = energy + b * layers, *errors = error + b * layers;
    if (closed) homogeneous(chain, energies, errors);
    trusted[b] = closed || general(chain, rows, threads, energies, errors);
    for (Index l = 0; l < layers; ++l)
      require(std::isfinite(energies[l]), "energies must be finite, got one of layer ", l + 1, " under law ", b,
              " that is not; use a smaller scale.");
  });
}

}  // namespace pyrometer::energy
