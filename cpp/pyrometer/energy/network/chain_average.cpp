#include "pyrometer/energy/network/chain_average.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain_rule.hpp"
#include "pyrometer/energy/network/cross_entropy.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kPower = 1e-6;      // difference of a slope from that of a power
constexpr double kStep = 0.02;       // of a panel, for slopes at the ends of a grid
constexpr double kCurved = 0.25;     // the same, beyond the grid, where functions are extended as parabolas
constexpr double kMostSlope = 1.25;  // d ln E phi^2 / d ln v at most, without shifts

/// The transition of layer l, unless it is that of layer l + 1.
void find(const Chain& chain, Index l, const Layer& layer, const Layer& above, Transition& out) {
  const bool kept = out.from == &above && chain.repeats(l) && layer.given == above.given && above.same_grid(*out.to);
  out.from = &layer;
  out.to = &above;
  if (kept) return;
  const std::size_t nodes = above.unit.size();
  out.begin.assign(1, 0);
  out.value.clear();
  for (const Given* given : layer.given) {
    for (std::size_t j = 0; j < given->rule.size(); ++j) {
      const double v = chain.variance(l + 1, given->rule.point[j]), log = std::log(std::max(v, kLeast));
      const double past = log < above.low ? log - above.low : std::max(0.0, log - above.high);
      out.value.push_back({given->rule.weight[j], log, past, 0, above.zero && (v < kLeast || above.width == 0)});
    }
    out.begin.push_back(out.value.size());
  }
  out.basis.resize(out.value.size() * nodes);
  for (std::size_t j = 0; j < out.value.size() && above.width > 0; ++j)
    out.value[j].first = above.basis(out.value[j].log, &out.basis[j * nodes]);
}

/// Functions at an end of a grid, in order, and how they are extended beyond: parabolas up to a distance, and lines.
struct End {
  std::vector<double> value, slope, bend;
  double distance = 0;

  [[nodiscard]] double at(double past, std::size_t order) const {
    const double curved = std::clamp(past, -distance, distance);
    return value[order] + past * slope[order] + bend[order] * curved * (past - 0.5 * curved);
  }
};

/// Functions of ln v on the grid of a layer, in order.
struct Functions {
  std::size_t smooth;         // nodes but that of v = 0
  std::vector<double> value;  // value[order * smooth + node]
  End low, high;

  [[nodiscard]] double at(const Transition::Value& place, const double* basis, std::size_t nodes,
                          std::size_t order) const {
    if (place.past < 0) return low.at(place.past, order);
    if (place.past > 0) return high.at(place.past, order);
    return dot(basis, &value[order * smooth + place.first], nodes);
  }
};

/// Extrapolates the logarithms of energies beyond an end of the grid, where energies grow as powers of v with exponents
/// from 0 to kMostSlope, so that errors at an end do not grow from layer to layer.
///
/// end, length  of the panel, whose first node is `first`; length below 0 at the upper end.
End extended(const Layer& layer, const Functions& functions, double end, double length, std::size_t first) {
  End extension;
  extension.distance = kCurved * std::abs(length);
  const double step = kStep * length;
  const std::size_t nodes = layer.unit.size();
  std::vector<double> basis(3 * nodes);
  for (std::size_t k = 0; k < 3; ++k) layer.basis(end + static_cast<double>(k) * step, &basis[k * nodes]);
  for (std::size_t start = first; start < functions.value.size(); start += functions.smooth) {
    double value[3];
    for (std::size_t k = 0; k < 3; ++k) value[k] = dot(&basis[k * nodes], &functions.value[start], nodes);
    double bend = ((value[2] - value[1]) - (value[1] - value[0])) / (step * step);
    double slope = (value[1] - value[0]) / step - 0.5 * bend * step;
    // Energies are powers of v, constant, as its root or in proportion to it, or count for little.
    const double power = 0.5 * std::clamp(std::round(2 * slope), 0.0, 2.0);
    if (std::abs(slope - power) < kPower) {
      slope = power;
      bend = 0;
    }
    slope = std::clamp(slope, 0.0, kMostSlope);
    const double outward = length > 0 ? -extension.distance : extension.distance;
    bend = (std::clamp(slope + bend * outward, 0.0, kMostSlope) - slope) / outward;
    extension.value.push_back(value[0]);
    extension.slope.push_back(slope);
    extension.bend.push_back(bend);
  }
  return extension;
}

/// With their ends.
///
/// powers  whether they are logarithms of energies; else they are constant beyond the grid.
Functions extended(const Layer& layer, std::vector<double> value, bool powers) {
  Functions functions{layer.smooth(), std::move(value), {}, {}};
  if (layer.width == 0) return functions;
  const Range one = layer.ends(0), other = layer.ends(layer.panels - 1);
  functions.low = extended(layer, functions, layer.low, one.to - one.from, 0);
  functions.high = extended(layer, functions, layer.high, other.from - other.to, functions.smooth - layer.unit.size());
  if (powers) return functions;
  for (End* end : {&functions.low, &functions.high}) {
    end->slope.assign(end->slope.size(), 0);
    end->bend.assign(end->bend.size(), 0);
  }
  return functions;
}

/// The logarithms of the energies k = from .. of layer `layer`, number l.
std::vector<double> logarithms(const Layer& layer, Index l, Index from, Index last) {
  std::vector<double> logs;
  for (Index k = from; k <= last; ++k)
    for (std::size_t node = 0; node < layer.smooth(); ++node)
      logs.push_back(std::log(std::max(kLeast, layer.energy[at(k - l) * layer.size() + node])));
  return logs;
}

/// Their growth including that of v, which is proportional to the square of the scales.
std::vector<double> total_growth(const Layer& layer, Index l, Index from, const std::vector<double>& logs) {
  std::vector<double> total(logs.size());
  if (layer.width == 0) return total;
  const std::size_t nodes = layer.unit.size(), smooth = layer.smooth();
  const std::vector<double> derivative = layer.unit.derivative();
  for (std::size_t here = 0; here < logs.size(); ++here) {
    const std::size_t order = here / smooth, node = here % smooth;
    const Range ends = layer.ends(static_cast<long>(node / nodes));
    total[here] =
        2 / (ends.to - ends.from) * dot(&derivative[node % nodes * nodes], &logs[here - node % nodes], nodes) +
        layer.growth[(at(from - l) + order) * layer.size() + node];
  }
  return total;
}

/// The energies of the layers from `from` on, at all nodes of layer l, and their growth.
void interpolate(const Chain& chain, Index l, Index from, const Layer& above, const Transition& transition, int threads,
                 Layer& layer) {
  const std::size_t size = layer.size(), nodes = above.unit.size();
  const bool growing = !layer.growth.empty();
  std::vector<double> values = logarithms(above, l + 1, from, chain.last());
  const Functions rate =
      growing ? extended(above, total_growth(above, l + 1, from, values), false) : Functions{0, {}, {}, {}};
  const Functions logs = extended(above, std::move(values), true);
  std::vector<Index> counting;  // layers whose energy is not 0 throughout
  for (Index k = from; k <= chain.last(); ++k)
    if (k > chain.layers() || !chain.vanishes(k)) counting.push_back(k);
  base::for_each_chunk(static_cast<Index>(size), threads, [&](Index chunk, int) {
    const std::size_t node = at(chunk);
    for (const Index k : counting) {
      const std::size_t order = at(k - from), rest = at(k - l) * above.size() - 1;  // rest: of v = 0
      double energy = 0, growth = 0;
      for (std::size_t j = transition.begin[node]; j < transition.begin[node + 1]; ++j) {
        const Transition::Value& place = transition.value[j];
        const double* basis = &transition.basis[j * nodes];
        const double part =
            place.weight * (place.zero ? above.energy[rest] : std::exp(logs.at(place, basis, nodes, order)));
        energy += part;
        if (growing) growth += part * (place.zero ? above.growth[rest] : rate.at(place, basis, nodes, order));
      }
      layer.energy[at(k - l) * size + node] = energy;
      if (growing) layer.growth[at(k - l) * size + node] = energy > 0 ? growth / energy : 0;
    }
  });
}

/// The cross entropy at a node, averaged over the values q of a rule: of v_L = variance(L, q).
void add_cross_entropy(const Chain& chain, const Rule& rule, double& energy, double* growth) {
  const Index layers = chain.layers();
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

/// The energies of layers l and l + 1, and the cross entropy if it is the next, at a node of layer l.
void begin(const Chain& chain, Index l, std::size_t node, Layer& layer) {
  const Index layers = chain.layers(), last = chain.last();
  const std::size_t size = layer.size();
  double* const growth = layer.growth.empty() ? nullptr : &layer.growth[node];
  layer.energy[node] = chain.energy(l, layer.v[node]);
  if (l < layers) {
    const double v = chain.variance(l + 1, layer.given[node]->mean), c = chain.shift(l + 1);
    layer.energy[size + node] = chain.energy(l + 1, v);
    if (growth) growth[size] = c == 0 ? 2 : 2 * (v / (v + c * c));
  }
  if (last == layers || l + 1 < layers) return;
  double& mean = layer.energy[at(last - l) * size + node];
  if (l < layers)
    add_cross_entropy(chain, layer.given[node]->rule, mean, growth ? growth + at(last - l) * size : nullptr);
  else
    mean = cross_entropy(chain.outputs(), {layer.v[node]}).value[0];
}

}  // namespace

void average(const Chain& chain, Index l, const Layer& above, bool growing, int threads, Transition& transition,
             Layer& layer) {
  const Index layers = chain.layers(), last = chain.last();
  const std::size_t size = layer.size();
  layer.energy.assign(at(last - l + 1) * size, 0);
  layer.growth.assign(growing ? layer.energy.size() : 0, 0);
  base::for_each_chunk(static_cast<Index>(size), threads, [&](Index node, int) { begin(chain, l, at(node), layer); });
  if (l + 2 > layers) return;
  Index from = l + 2;
  if (layer.width > 0) {
    Index repeated = l;
    while (chain.repeats(repeated)) ++repeated;
    for (; layer.same_grid(above) && from <= repeated; ++from) {
      const double ratio = chain.width(from) / chain.width(from + 1);
      const std::size_t here = at(from - l) * size;
      for (std::size_t i = here; i < here + size; ++i) layer.energy[i] = ratio * above.energy[i];
      if (growing) std::copy_n(&above.growth[here], size, &layer.growth[here]);
    }
  }
  find(chain, l, layer, above, transition);
  interpolate(chain, l, from, above, transition, threads, layer);
}

}  // namespace pyrometer::energy
