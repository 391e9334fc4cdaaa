#include "pyrometer/energy/network/chain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain_rows.hpp"
#include "pyrometer/energy/network/chain_rule.hpp"
#include "pyrometer/energy/network/chain_unit.hpp"
#include "pyrometer/energy/network/chebyshev.hpp"
#include "pyrometer/energy/network/cross_entropy.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kWide = 64;           // from this many units on rules are computed from cumulants
constexpr double kBend = 0.25;        // variance at which energies of the layers above become nonlinear
constexpr double kBendStep = 8;       // between the bends that rules are made about, in powers of two
constexpr double kLeastBend = 1e-60;  // of v: smaller ones are improbable or enter linearly
constexpr double kTolerance = 1e-9;   // relative error at which to stop
constexpr double kTrusted = 1e-4;     // relative error
constexpr double kRounding = 1e-14;   // relative, for each layer
constexpr double kOfLog = 4e-16;      // the same relative to the logarithm of an energy, which is interpolated
constexpr double kCaution = 4;        // factor on the difference of two discretisations, in case convergence is slow
constexpr double kMostNodes = 256;    // of a grid, but for
constexpr double kPanelNodes = 48;    // of each panel
constexpr double kLeast = 1e-280;     // smallest energy whose logarithm is used
constexpr double kWhole = 10;         // range of ln v of a single panel, for any probability of its ends
constexpr double kPanel = 8;          // width of the panels of a wider one
constexpr double kMostPanels = 32;
constexpr double kStep = 0.1;          // of ln v, for slopes at the ends of a grid
constexpr double kApart = 0.01;        // of ln v, between the nodes of a central difference
constexpr double kTaken = 3;           // excess range at which the grid of the previous layer is reused, in ln v
constexpr double kLeastRange = 0.5;    // of ln v: derivatives along narrower grids would be rounding errors
constexpr double kCreep = 0.5;         // growth of a grid from layer to layer, at each end, that is taken to converge
constexpr double kSlack = 0.6;         // shrinkage of one end allowed while the other grows
constexpr double kMargin = 1e3;        // factor on energies in the limit of infinite width, for fluctuations
constexpr double kNegligible = 1e-20;  // probability of a value times its energy in units of the mean

/// Parameters of the discretisation.
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
  const double* shifts;  // nullptr for none

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
  /// Whether the pre-activations of a layer are 0 for all rows.
  [[nodiscard]] bool vanishes(Index l) const {
    if (bias[l - 1] != 0 || shift(l) != 0) return false;
    return weight[l - 1] == 0 || (l > 1 && vanishes(l - 1) && model::activate(activation(l - 1), 0) == 0);
  }
  /// The least q_l about which an energy above bends: where the variance of a layer above reaches kBend, or for a
  /// homogeneous activation its shift. An activation that vanishes at 0 passes small variances on in proportion.
  [[nodiscard]] double bend(Index l) const {
    const double slope = weight[l] * weight[l], above = shift(l + 1);
    double v = kBend;
    if (l + 1 < networks.layers() && model::is_homogeneous(activation(l + 1)))
      v = above == 0 ? std::numeric_limits<double>::infinity() : above * above;
    if (l + 2 < last() && above == 0 && model::activate(activation(l + 1), 0) == 0)
      v = std::max(kLeastBend, std::min(v, bend(l + 1) / width(l + 1)));
    return (bias[l] * bias[l] + v) / slope;
  }
};

Chain chain_of(const Networks& networks, Index law) {
  const bool shifted = networks.shift.size() > 0;
  return {networks, networks.weight.row(law), networks.bias.row(law), shifted ? networks.shift.row(law) : nullptr};
}

/// The grid of v_l at layer l, and functions on it.
struct Layer {
  std::vector<double> v;        // grid nodes, panel by panel, then 0 if it can be reached
  std::vector<Chebyshev> grid;  // panels of ln v, ascending; none in the first layer, whose nodes are the rows'
  double low = 0, high = 0;     // ends of the grid
  bool zero = false;            // whether the last node is 0
  std::vector<double> mass;     // approximate probability of each node
  std::vector<Rule> rule;       // of q_l
  std::vector<double> mean;     // of q_l
  double bend = 0;              // scale c of the rules, unless less than `least`
  double least = 0;             // smallest scale that matters at any node
  std::vector<double> energy;   // of layers l .. L, and the cross entropy: energy[(k - l) * size + node]
  std::vector<double> growth;   // d ln energy / d ln (all scales) at the same v, in the same order, if requested

  [[nodiscard]] std::size_t size() const { return v.size(); }
  /// The Lagrange polynomials of the panel that contains ln v, and the panel's first node. Beyond the grid energies are
  /// powers of v: their logarithms are extrapolated linearly.
  std::size_t basis(double log, std::vector<double>& out) const {
    const double inside = std::clamp(log, low, high);
    const auto place = static_cast<std::size_t>((inside - low) / (high - low) * static_cast<double>(grid.size()));
    const std::size_t panel = std::min(grid.size() - 1, place);
    grid[panel].basis(inside, out.data());
    if (log != inside) {
      const double step = std::min(kStep, high - low), before = inside + (log < low ? step : -step);
      thread_local std::vector<double> other;
      other.resize(out.size());
      grid[panel].basis(before, other.data());
      const double share = std::abs(log - inside) / step;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += share * (out[i] - other[i]);
    }
    return panel * panel_size();
  }
  [[nodiscard]] std::size_t panel_size() const { return grid[0].size(); }
};

/// The earlier layer whose rules layer l reuses; none if it has its own.
const Layer* equal_before(const Chain& chain, Index l, const std::vector<Layer>& all) {
  const Layer& layer = all[at(l)];
  for (Index k = l - 1; k >= 1; --k) {
    const Layer& other = all[at(k)];
    if (chain.networks.widths[at(k)] == chain.networks.widths[at(l)] && chain.shift(k) == chain.shift(l) &&
        chain.activation(k) == chain.activation(l) && other.v == layer.v &&
        (layer.bend == other.bend || std::max(layer.bend, other.bend) < other.least))
      return &other;
  }
  return nullptr;
}

void find_rules(const Chain& chain, Index l, const Fineness& fineness, int threads, std::vector<Layer>& all) {
  Layer& layer = all[at(l)];
  const Index count = chain.networks.widths[at(l)];
  const bool last = l + 1 == chain.last();
  // Rounded to a few sizes, so that rules can be reused for many layers.
  if (!last) layer.bend = std::exp2(kBendStep * std::floor(std::log2(chain.bend(l)) / kBendStep));
  if (const Layer* other = last ? nullptr : equal_before(chain, l, all)) {
    layer.rule = other->rule;
    layer.mean = other->mean;
    layer.least = other->least;
    return;
  }
  layer.rule.resize(layer.size());
  layer.mean.resize(layer.size());
  // The sum of n units is below this share of the largest square with a probability of about 1e-20; for activations
  // that vanish for negative numbers, all units vanish with probability 2^-n.
  const bool even = model::has_even_square(chain.activation(l));
  const double share = even ? std::pow(10.0, -3 - 40 / static_cast<double>(count)) : 1e-43;
  std::vector<double> least(layer.size());
  base::for_each_chunk(static_cast<Index>(layer.size()), threads, [&](Index node, int) {
    const Rule one = squared_unit(chain.activation(l), layer.v[at(node)], fineness.step, chain.shift(l));
    double mean = 0;
    for (std::size_t i = 0; i < one.size(); ++i) mean += one.weight[i] * one.point[i];
    layer.mean[at(node)] = static_cast<double>(count) * mean;
    if (last) return;
    least[at(node)] = share * *std::max_element(one.point.begin(), one.point.end());
    layer.rule[at(node)] = count >= kWide
                               ? sum_by_cumulants(one, count, fineness.wide)
                               : sum_by_powering(one, count, fineness.narrow, std::max(layer.bend, least[at(node)]));
  });
  layer.least = *std::min_element(least.begin(), least.end());
}

/// A value of v_l with its probability.
struct Reached {
  double v, mass;
};

/// All values of v_l that follow from the grid and rules of layer l - 1.
std::vector<Reached> reached(const Chain& chain, Index l, const Layer& before) {
  std::vector<Reached> values;
  for (std::size_t node = 0; node < before.size(); ++node)
    for (std::size_t j = 0; j < before.rule[node].size(); ++j) {
      const double v = chain.variance(l, before.rule[node].point[j]);
      require(std::isfinite(v), "energies must be finite, got an overflow in layer ", l, "; use a smaller scale.");
      values.push_back({v, before.mass[node] * before.rule[node].weight[j]});
    }
  return values;
}

/// How large energies above layer l are, relative to those at the mean of v_l, at variances up to e^(low + k kPanel),
/// k = 0, 1, ...: of the layer where that is most, in the limit of infinite width, with a margin for fluctuations. At
/// variances above the mean only where there are shifts; elsewhere 1.
std::vector<double> importance(const Chain& chain, Index l, double low, double high, double mean) {
  const Index layers = chain.networks.layers();
  const auto energies = [&](double v) {
    std::vector<double> out;
    for (Index k = l; k < layers; ++k) {
      v = chain.variance(k + 1, chain.width(k) * unit_moments(chain.activation(k), v, chain.shift(k)).mean);
      out.push_back(v + chain.shift(k + 1) * chain.shift(k + 1));
    }
    if (chain.last() > layers) out.push_back(std::isfinite(v) ? cross_entropy(chain.outputs(), {v}).value[0] : v);
    return out;
  };
  const std::vector<double> typical = energies(mean);
  std::vector<double> out;
  for (double log = low; log < high + kPanel; log += kPanel) {
    const std::vector<double> here = energies(std::exp(chain.shifts ? log : std::min(log, std::log(mean))));
    double most = 0;
    for (std::size_t k = 0; k < here.size(); ++k)
      most = std::max(most, typical[k] > 0 && std::isfinite(typical[k]) ? here[k] / typical[k] : 1.0);
    out.push_back(chain.shifts ? kMargin * most : std::min(1.0, kMargin * most));
  }
  return out;
}

/// Reduces the range of ln v to values that contribute to the energies above, which grow at most in proportion to v,
/// except where the mean square of an activation grows from v / 4 to v / 2, and where there are shifts.
void trim(const Chain& chain, Index l, const std::vector<Reached>& values, Layer& layer) {
  double mean = 0;
  for (const Reached& value : values) mean += value.mass * value.v;
  double growth = 1;
  for (Index k = l; k < chain.networks.layers(); ++k)
    if (model::record_of(chain.activation(k)).accelerates) growth *= 2;
  const std::vector<double> share = importance(chain, l, layer.low, layer.high, mean);
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Reached& value : values) {
    if (value.v < kLeast) continue;
    const auto place = at(static_cast<Index>(std::ceil((std::log(value.v) - layer.low) / kPanel)));
    const double energy = share[std::min(place, share.size() - 1)];
    if (value.mass * energy > kNegligible) least = std::min(least, value.v);
    const double above = chain.shifts ? energy : growth * std::max(1.0, value.v / mean);
    if (value.mass * above > kNegligible) most = std::max(most, value.v);
  }
  layer.low = std::log(least);
  layer.high = std::log(most);
}

/// The approximate probability of each node: every value is assigned to the nearest node. Values are ascending within
/// each node of the previous layer.
void weigh(const std::vector<Reached>& values, Layer& layer) {
  layer.mass.resize(layer.size());
  const std::size_t smooth = layer.size() - (layer.zero ? 1 : 0);
  std::size_t node = 0;
  double last = 0;
  for (const Reached& value : values) {
    if (value.v < last) node = 0;
    last = value.v;
    if (value.v < kLeast) {
      layer.mass.back() += value.mass;
      continue;
    }
    while (node + 1 < smooth && value.v - layer.v[node] >= layer.v[node + 1] - value.v) ++node;
    layer.mass[node] += value.mass;
  }
}

/// Reuses the grid of the previous layer if it contains this one's, and extends a grid that grows slowly: in deep
/// networks the grids become constant, so that rules are reused.
void settle(const Layer& before, Layer& layer) {
  const double below = before.low - layer.low, above = layer.high - before.high;
  const auto held = [](double outside) { return outside <= 0 && outside > -kTaken; };
  const auto creeps = [](double outside) { return outside < kCreep && outside > -kSlack; };
  if (held(below) && held(above)) {
    layer.low = before.low;
    layer.high = before.high;
  } else if (creeps(below) && creeps(above)) {
    layer.low = std::min(before.low, kCreep * std::floor(layer.low / kCreep));
    layer.high = std::max(before.high, kCreep * std::ceil(layer.high / kCreep));
  }
}

/// The grid of layer l, from the values that follow from layer l - 1.
Layer grid_of(const Chain& chain, Index l, const Fineness& fineness, const Layer& before) {
  const std::vector<Reached> values = reached(chain, l, before);
  Layer layer;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Reached& value : values) {
    layer.zero |= value.v < kLeast;
    if (value.v >= kLeast) least = std::min(least, value.v);
    most = std::max(most, value.v);
  }
  layer.low = std::log(least);
  layer.high = most < kLeast ? -layer.low : std::log(most);
  // Layers whose width occurs again keep their panels, so that grids do not alternate between one panel and several.
  const auto widths = chain.networks.widths.begin();
  const bool repeats = !before.grid.empty() && std::find(widths + 1, widths + l, widths[l]) != widths + l;
  const bool cut = layer.high - layer.low > kWhole || (repeats && before.grid.size() > 1);
  // With several panels, errors beyond the ends, which no value reaches, do not affect the others. A single panel
  // spreads errors at its ends, so all its values are kept.
  if (cut && before.grid.size() != 1) trim(chain, l, values, layer);
  if (repeats && layer.high >= layer.low) settle(before, layer);
  const double panels = cut ? std::clamp(std::ceil((layer.high - layer.low) / kPanel), 2.0, kMostPanels) : 1;
  if (layer.high >= layer.low) {
    if (layer.low != before.low || layer.high != before.high) {
      const double margin = std::max(1e-12, 0.5 * (kLeastRange - (layer.high - layer.low)));
      layer.low -= margin;
      layer.high += margin;
    }
    const double width = (layer.high - layer.low) / panels;
    const double size =
        std::min(std::ceil(fineness.nodes + fineness.nodes_each * width), std::max(kPanelNodes, kMostNodes / panels));
    for (int panel = 0; panel < static_cast<int>(panels); ++panel) {
      layer.grid.emplace_back(layer.low + width * panel, layer.low + width * (panel + 1),
                              static_cast<std::size_t>(size));
      for (std::size_t i = 0; i < layer.grid.back().size(); ++i) layer.v.push_back(std::exp(layer.grid.back().node(i)));
    }
  }
  if (layer.zero) layer.v.push_back(0);
  weigh(values, layer);
  return layer;
}

/// The growth of energies at the nodes of a grid including that of v, which is proportional to the square of the scales.
std::vector<double> total_growth(const Layer& layer, const std::vector<double>& logs) {
  std::vector<double> total(logs.size());
  const std::size_t smooth = layer.size() - (layer.zero ? 1 : 0);
  for (std::size_t panel = 0; panel < layer.grid.size() && !logs.empty(); ++panel) {
    const std::size_t nodes = layer.panel_size();
    const std::vector<double> derivative = layer.grid[panel].derivative();
    for (std::size_t order = 0; order < logs.size() / smooth; ++order)
      for (std::size_t i = 0; i < nodes; ++i) {
        const std::size_t first = order * smooth + panel * nodes;
        total[first + i] = 2 * dot(&derivative[i * nodes], &logs[first], nodes) +
                           layer.growth[(order + 1) * layer.size() + panel * nodes + i];
      }
  }
  return total;
}

/// The cross entropy at a node, averaged over the values q of a rule: of v_L = variance(L, q).
void add_cross_entropy(const Chain& chain, const Rule& rule, double& energy, double* growth) {
  const Index layers = chain.networks.layers();
  std::vector<double> v(rule.size());
  for (std::size_t j = 0; j < rule.size(); ++j) {
    v[j] = chain.variance(layers, rule.point[j]);
    require(std::isfinite(v[j]), "energies must be finite, got an overflow in layer ", layers,
            "; use a smaller scale.");
  }
  const CrossEntropy mean = cross_entropy(chain.outputs(), v);
  energy = dot(rule.weight.data(), mean.value.data(), rule.size());
  if (growth) *growth = dot(rule.weight.data(), mean.slope.data(), rule.size()) / energy;
}

/// The energies of layers l .. L, and the cross entropy, at the nodes of layer l, from those of layer l + 1.
void average(const Chain& chain, Index l, const Layer& above, bool growing, int threads, Layer& layer) {
  const Index layers = chain.networks.layers();
  const std::size_t size = layer.size();
  const Index last = chain.last();
  layer.energy.resize(at(last - l + 1) * size);
  layer.growth.resize(growing ? layer.energy.size() : 0);
  const std::size_t smooth = above.size() - (above.zero ? 1 : 0);
  std::vector<double> logs(smooth * at(std::max<Index>(0, last - l - 1)));
  for (Index k = l + 2; k <= last && l + 1 < layers; ++k)
    for (std::size_t i = 0; i < smooth; ++i)
      logs[at(k - l - 2) * smooth + i] = std::log(std::max(kLeast, above.energy[at(k - l - 1) * above.size() + i]));
  const std::vector<double> growth = growing ? total_growth(above, logs) : std::vector<double>();
  std::vector<Index> beyond;  // layers above the next whose energy is not 0 throughout
  for (Index k = l + 2; k <= last; ++k)
    if (k > layers || !chain.vanishes(k)) beyond.push_back(k);
  base::for_each_chunk(static_cast<Index>(size), threads, [&](Index chunk, int) {
    const std::size_t node = at(chunk);
    layer.energy[node] = chain.energy(l, layer.v[node]);
    if (l < layers) {
      const double v = chain.variance(l + 1, layer.mean[node]), c = chain.shift(l + 1);
      layer.energy[size + node] = chain.energy(l + 1, v);
      if (growing) layer.growth[size + node] = c == 0 ? 2 : 2 * (v / (v + c * c));
    }
    if (last > layers && l + 1 >= layers) {
      double& mean = layer.energy[at(last - l) * size + node];
      double* const rate = growing ? &layer.growth[at(last - l) * size + node] : nullptr;
      if (l < layers)
        add_cross_entropy(chain, layer.rule[node], mean, rate);
      else
        mean = cross_entropy(chain.outputs(), {layer.v[node]}).value[0];
    }
    if (l + 2 > layers) return;
    const Rule& rule = layer.rule[node];
    std::vector<double> basis(above.grid.empty() ? 0 : above.panel_size());
    for (std::size_t j = 0; j < rule.size(); ++j) {
      const double v = chain.variance(l + 1, rule.point[j]);
      const bool zero = above.zero && v < kLeast;
      std::size_t first = 0;
      if (!zero) {
        first = above.basis(std::log(std::max(v, kLeast)), basis);
      }
      for (const Index k : beyond) {
        const std::size_t here = at(k - l) * size + node, end = at(k - l) * above.size() - 1;
        const auto interpolated = [&](const std::vector<double>& values) {
          return dot(basis.data(), &values[at(k - l - 2) * smooth + first], basis.size());
        };
        const double part = rule.weight[j] * (zero ? above.energy[end] : std::exp(interpolated(logs)));
        layer.energy[here] += part;
        if (growing) layer.growth[here] += part * (zero ? above.growth[end] : interpolated(growth));
      }
    }
    for (Index k = l + 2; growing && k <= last; ++k) {
      const std::size_t here = at(k - l) * size + node;
      layer.growth[here] = layer.energy[here] > 0 ? layer.growth[here] / layer.energy[here] : 0;
    }
  });
}

/// Layer 1, whose nodes are the rows' times each of `factors`, with the energies of all layers at them.
Layer solve(const Chain& chain, const RowNodes& rows, const std::vector<double>& factors, const Fineness& fineness,
            int threads) {
  const Index layers = chain.networks.layers();
  std::vector<Layer> layer(at(layers + 1));
  for (const double factor : factors)
    for (const double q : rows.norm()) {
      layer[1].v.push_back(chain.variance(1, q) * factor);
      require(std::isfinite(layer[1].v.back()), "energies must be finite, got an overflow in layer 1; use a ",
              "smaller scale.");
    }
  layer[1].mass.assign(layer[1].size(), 1);
  for (Index l = 1; l < layers; ++l) {
    find_rules(chain, l, fineness, threads, layer);
    if (l + 1 < layers) layer[at(l + 1)] = grid_of(chain, l + 1, fineness, layer[at(l)]);
  }
  for (Index l = std::max<Index>(1, layers - 1); l >= 1; --l)
    average(chain, l, layer[at(l + 1 <= layers ? l + 1 : l)], factors.size() > 1, threads, layer[at(l)]);
  return std::move(layer[1]);
}

void homogeneous(const Chain& chain, double* energy, double* error) {
  double q = 0;
  for (const double norm : chain.networks.norms) q += norm;
  q /= static_cast<double>(chain.networks.norms.size());
  for (Index l = 1; l <= chain.networks.layers(); ++l) {
    energy[l - 1] = chain.energy(l, chain.variance(l, q));
    error[l - 1] =
        (kRounding * static_cast<double>(l) + 1e-16 * std::sqrt(static_cast<double>(chain.networks.norms.size()))) *
        energy[l - 1];
    if (l < chain.networks.layers()) q = model::homogeneous_factor(chain.activation(l)) * energy[l - 1];
  }
}

/// Refines until the estimated error is below kTolerance; returns the last solution and whether it is trusted.
bool general(const Chain& chain, const RowNodes& rows, const std::vector<double>& factors, int threads, Layer& fine,
             double* energy, double* error) {
  Layer coarse;
  double worst = 0;  // relative error of any layer
  for (const Fineness& fineness : kFineness) {
    std::swap(coarse, fine);
    fine = solve(chain, rows, factors, fineness, threads);
    if (coarse.energy.empty()) continue;
    worst = 0;
    for (Index l = 1; l <= chain.last(); ++l) {
      const std::size_t first = at(l - 1) * fine.size();
      const double value = rows.mean(&fine.energy[first]);
      energy[l - 1] = value;
      error[l - 1] =
          kCaution * std::abs(value - rows.mean(&coarse.energy[first])) + rows.error(&fine.energy[first]) +
          (kRounding + kOfLog * std::abs(std::log(std::max(value, kLeast)))) * static_cast<double>(l) * value;
      if (value > 0) worst = std::max(worst, error[l - 1] / value);
    }
    if (worst <= kTolerance) break;
  }
  return worst <= kTrusted;
}

/// Whether mean squares of activations are proportional to those of pre-activations.
bool is_closed(const Networks& networks) {
  const auto all = [&](auto holds) {
    return std::all_of(networks.activation.begin(), networks.activation.end(), holds);
  };
  if (networks.cross_entropy || !all(model::is_homogeneous)) return false;
  if (all([](model::Activation phi) { return model::homogeneous_factor(phi) == 1; })) return true;  // the identity
  for (Index i = 0; i < networks.shift.size(); ++i)
    if (networks.shift.data[i] != 0 && (i + 1) % networks.layers() != 0) return false;
  return true;
}

/// The growth of the mean over rows of every layer's energy, from energies at the factors of `network_chain_growth`.
void grow(const RowNodes& rows, const Layer& first, Index energies, double* growth) {
  const std::size_t count = rows.norm().size();
  std::vector<double> value(count), slope(count);
  for (Index l = 0; l < energies; ++l) {
    const auto log = [&](std::size_t step, std::size_t node) {
      return std::log(first.energy[at(l) * first.size() + step * count + node]);
    };
    for (std::size_t node = 0; node < count; ++node) {
      const std::size_t here = at(l) * first.size() + node;
      value[node] = first.energy[here];
      slope[node] = 0;
      if (!(value[node] > 0) || !(first.energy[here + count] > 0)) continue;
      const double along = (8 * (log(3, node) - log(2, node)) - (log(4, node) - log(1, node))) / (12 * kApart);
      slope[node] = value[node] * (first.growth[here] + 2 * along);
    }
    const double mean = rows.mean(value.data());
    growth[l] = mean > 0 ? rows.mean(slope.data()) / mean : 0;
  }
}

}  // namespace

void check(const Networks& networks) {
  const Index layers = networks.layers();
  require(layers >= 1, "widths must have at least two numbers, got ", layers + 1);
  for (const Index width : networks.widths) require(width >= 1, "widths must be at least 1, got ", width);
  require(static_cast<Index>(networks.activation.size()) == layers - 1, "activation must have one for each of ",
          layers - 1, " hidden layers, got ", networks.activation.size());
  for (const auto& [matrix, name] :
       {std::pair{networks.weight, "weight"}, std::pair{networks.bias, "bias"}, std::pair{networks.shift, "shift"}}) {
    const bool shift = name[0] == 's';
    if (shift && matrix.size() == 0) continue;
    require(matrix.cols == layers, name, " must have ", layers, " columns, one for each layer, got ", matrix.cols);
    require(matrix.rows == networks.weight.rows, "weight, bias and shift must have the same number of rows, got ",
            networks.weight.rows, " and ", matrix.rows);
    for (Index i = 0; i < matrix.size(); ++i)
      require(std::isfinite(matrix.data[i]) && (shift || matrix.data[i] >= 0), name,
              shift ? " must be finite, got " : " must be finite and not negative, got ", matrix.data[i]);
  }
  require(!networks.norms.empty(), "norms must have at least one row, got none");
  for (const double norm : networks.norms)
    require(std::isfinite(norm) && norm >= 0, "norms must be finite and not negative, got ", norm);
}

void network_chain(const Networks& networks, int threads, double* energy, double* error, unsigned char* trusted) {
  check(networks);
  const Index energies = networks.energies(), laws = networks.laws();
  const bool closed = is_closed(networks);
  const RowNodes rows(closed ? networks.norms.first(1) : networks.norms);
  // Nested loops run on one thread: laws in parallel where there are several, else the nodes of a layer.
  base::for_each_chunk(laws, threads, [&](Index b, int) {
    const Chain chain = chain_of(networks, b);
    double *value = energy + b * energies, *errors = error + b * energies;
    if (closed) homogeneous(chain, value, errors);
    Layer solution;
    trusted[b] = closed || general(chain, rows, {1}, threads, solution, value, errors);
    for (Index l = 0; l < energies; ++l)
      require(std::isfinite(value[l]), "energies must be finite, got an overflow in layer ", l + 1, " under law ", b,
              "; use a smaller scale.");
  });
}

void network_chain_growth(const Networks& networks, int threads, double* growth, unsigned char* trusted) {
  check(networks);
  require(!is_closed(networks), "activation must not be homogeneous: its growth is closed");
  const Index energies = networks.energies();
  const RowNodes rows(networks.norms);
  const std::vector<double> factors{1, std::exp(-2 * kApart), std::exp(-kApart), std::exp(kApart),
                                    std::exp(2 * kApart)};
  base::for_each_chunk(networks.laws(), threads, [&](Index b, int) {
    std::vector<double> energy(at(energies)), error(at(energies));
    Layer solution;
    trusted[b] = general(chain_of(networks, b), rows, factors, threads, solution, energy.data(), error.data());
    grow(rows, solution, energies, growth + b * energies);
  });
}

}  // namespace pyrometer::energy
