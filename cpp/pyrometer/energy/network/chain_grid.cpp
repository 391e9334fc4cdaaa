#include "pyrometer/energy/network/chain_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain_unit.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kMany = 36;            // units of which one is active but for a probability below 1e-10
constexpr Index kFew = 8;              // up to this many, rules have more points
constexpr Index kWide = 64;            // from this many units on rules are computed from cumulants ...
constexpr double kSkewed = 0.5;        // ... unless the skewness of their sum is larger,
constexpr double kRare = 1e-13;        // or the probability that all of them are
constexpr double kSmall = 1e-2;        // below this share of their mean
constexpr double kBend = 1e-3;         // variance at which energies of many layers above become nonlinear
constexpr double kBendStep = 8;        // between the bends that rules are made about, in powers of two
constexpr double kLeastBend = 1e-60;   // of v: smaller ones are improbable or enter linearly
constexpr double kNegligible = 1e-22;  // probability of a value times its energy in units of the mean
constexpr double kUnlikely = 1e-100;   // share of values above 0 with shifts, whose energies may be any multiple
constexpr double kVariance = 2;        // of phi^2 of a unit, relative to the square of its mean: a typical one
constexpr double kSteepest = 1.25;     // d ln E phi^2 / d ln v
constexpr double kShortest = 0.25;     // the first and the last panel, of the width of others
constexpr double kMostPanels = 600;
constexpr double kParts = 8;              // of a panel, at whose ends ranges end
constexpr std::size_t kTogether = 8;      // rules, which are computed faster so
constexpr double kFar = 13.5;             // deviations of a pre-activation that count
constexpr double kFarthest = 38.5;        // the same of a unit that is rarely active
constexpr double kShortestPanel = 1e-10;  // of one unit: smaller pre-activations are improbable

/// The width of panels of ln v_l in which energies of the layers above are smooth, whatever they are, because q_l
/// fluctuates.
double fluctuation(const Chain& chain, Index l, const Fineness& fineness) {
  return std::min(fineness.widest, fineness.panel * std::sqrt(kVariance / chain.width(l)));
}

/// Whether the sum of the units of a layer with a constant bias is skewed, as few of them are active, or all may be
/// small.
bool is_skewed(const Chain& chain, Index l, const Rule& one) {
  const double mean = dot(one.point.data(), one.weight.data(), one.size());
  double square = 0, cube = 0, small = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double away = one.point[i] / mean - 1, part = one.weight[i] * away * away;
    square += part;
    cube += part * away;
    if (one.point[i] < kSmall * mean) small += one.weight[i];
  }
  return !(cube <= kSkewed * std::sqrt(chain.width(l)) * std::pow(square, 1.5)) ||
         std::pow(small, chain.width(l)) > kRare;
}

/// Whether rules of a layer are made from cumulants.
bool is_nearly_normal(Index count, bool skewed) { return count >= kWide && !skewed; }

/// The scale about which the rule of layer l at v is made; infinite for rules in q.
double scale_of(const Chain& chain, Index l, double v, double bend, bool skewed) {
  if (bend == 0) return 0;
  const Index count = chain.networks.widths[at(l)];
  if (is_nearly_normal(count, skewed)) return std::numeric_limits<double>::infinity();
  // The sum of n units is below this share of the largest square with a probability of about 1e-20, where half of them
  // may be 0; but all of them are 0 with probability 2^-n, which is negligible beside rounding for many.
  const bool fades = model::activate(chain.activation(l), -1e150) == 0;
  const double units = static_cast<double>(count) / (fades ? 2 : 1);
  const double share = skewed || (fades && count < kMany) ? 1e-43 : std::pow(10.0, -3 - 40 / units);
  const double far = (skewed ? kFarthest : kFar) * std::sqrt(v), shift = chain.shift(l);
  const double most = std::max(std::abs(model::activate(chain.activation(l), shift + far)),
                               std::abs(model::activate(chain.activation(l), shift - far)));
  return std::max(bend, share * most * most);
}

/// A rule without points of negligible weight.
Rule without_negligible(const Rule& rule) {
  Rule kept;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    if (rule.weight[i] < kNegligible) continue;
    kept.point.push_back(rule.point[i]);
    kept.weight.push_back(rule.weight[i]);
  }
  return kept;
}

/// Sums over units that are not nearly normal: their rules about `scales`.
std::vector<Rule> sums(const Chain& chain, Index l, std::vector<Rule> ones, const std::vector<double>& scales,
                       const Fineness& fineness) {
  const Index count = chain.networks.widths[at(l)];
  const bool few = count <= kFew && model::record_of(chain.activation(l)).accelerates;
  if (count > 1) return sums_by_powering(ones, count, few ? fineness.few : fineness.narrow, scales);
  if (chain.shift(l) == 0)
    for (Rule& one : ones) one = without_negligible(one);
  return ones;
}

/// A value of v_l with its probability.
struct Reached {
  double v, mass;
};

/// All values of v_l that follow from the grid and rules of layer l - 1.
std::vector<Reached> reached(const Chain& chain, Index l, const Layer& before) {
  std::vector<Reached> values;
  for (std::size_t node = 0; node < before.size(); ++node) {
    const Rule& rule = before.given[node]->rule;
    for (std::size_t j = 0; j < rule.size(); ++j) {
      const double v = chain.variance(l, rule.point[j]);
      require(std::isfinite(v), "energies must be finite, got an overflow in layer ", l, "; use a smaller scale.");
      values.push_back({v, before.mass[node] * rule.weight[j]});
    }
  }
  return values;
}

/// The range of ln v that contributes to the energies above, which grow at most in proportion to v, except where the
/// mean square of an activation grows from v / 4 to v / 2, and where there are shifts. Empty without values above 0.
Range contributing(const Chain& chain, Index l, const std::vector<Reached>& values, double panel,
                   const Fineness& fineness) {
  // Interpolation spreads the error of a node, whose values may be beyond the grid, over its panel.
  const double spread = panel / fluctuation(chain, l - 1, fineness);
  double mean = 0, present = 0, growth = 1;  // present: probability of values above 0
  for (const Reached& value : values) {
    mean += value.mass * value.v;
    if (value.v >= kLeast) present += value.mass;
  }
  const double negligible = chain.shifts ? kUnlikely * present : std::max(kUnlikely, std::pow(kNegligible, spread));
  for (Index k = l; k < chain.layers(); ++k)
    if (model::record_of(chain.activation(k)).accelerates) growth *= 2;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Reached& value : values) {
    if (value.v < kLeast) continue;
    if (value.mass > negligible) least = std::min(least, value.v);
    const double above = std::max(1.0, value.v / mean) * growth;
    if (value.mass * above > negligible) most = std::max(most, value.v);
  }
  return {std::log(least), most > 0 ? std::log(most) : -std::numeric_limits<double>::infinity()};
}

/// The approximate probability of each node: every value is assigned to the nearest node.
void weigh(const std::vector<Reached>& values, Layer& layer) {
  layer.mass.resize(layer.size());
  const std::size_t nodes = layer.unit.size();
  for (const Reached& value : values) {
    if (value.v < kLeast || layer.width == 0) {
      layer.mass.back() += value.mass;
      continue;
    }
    const auto [panel, inside] = layer.place(std::log(value.v));
    std::size_t node = 0;
    while (node + 1 < nodes && inside - layer.unit.node(node) >= layer.unit.node(node + 1) - inside) ++node;
    layer.mass[static_cast<std::size_t>(panel) * nodes + node] += value.mass;
  }
}

/// E phi(z)^2 / v for z ~ N(0, v), v near 0.
double slope_at_rest(model::Activation activation) {
  constexpr double kNear = 1e-9;
  const double up = model::activate(activation, kNear) / kNear, down = model::activate(activation, -kNear) / kNear;
  return 0.5 * (up * up + down * down);
}

}  // namespace

std::vector<const Given*> GivenVariance::of(const Chain& chain, Index l, const std::vector<double>& v, double bend,
                                            const Fineness& fineness, int threads) {
  const model::Activation activation = chain.activation(l);
  const Index count = chain.networks.widths[at(l)];
  const double shift = chain.shift(l);
  std::vector<const Given*> nodes;
  std::vector<std::pair<double, Given*>> missing;
  for (const double each : v) {
    // The scale of a layer with a constant bias depends on the distribution of its units.
    const double scale = shift == 0 ? scale_of(chain, l, each, bend, false) : bend;
    const auto [place, fresh] = known_.try_emplace(Key{activation, count, shift, scale, each});
    if (fresh) missing.emplace_back(each, &place->second);
    nodes.push_back(&place->second);
  }
  // Sums of units have Gauss rules, in which so small units do not show.
  const double shortest = bend == 0 || count > 1 ? 1 : std::clamp(std::sqrt(bend), kShortestPanel, 1.0);
  const std::size_t number = missing.size();
  base::for_each_chunk(static_cast<Index>((number + kTogether - 1) / kTogether), threads, [&](Index chunk, int) {
    const std::size_t first = kTogether * at(chunk), end = std::min(number, first + kTogether);
    std::vector<Rule> ones[2];  // of nearly normal sums, and others
    std::vector<double> scales[2];
    std::vector<Given*> given[2];
    for (std::size_t i = first; i < end; ++i) {
      const auto [each, out] = missing[i];
      Rule one = squared_unit(activation, each, fineness.step, shift, shortest);
      out->mean = static_cast<double>(count) * dot(one.point.data(), one.weight.data(), one.size());
      if (bend == 0) continue;
      if (std::isinf(bend)) {
        // Energies above are affine functions of q.
        out->rule = {{out->mean}, {1}};
        continue;
      }
      const bool skewed = shift != 0 && is_skewed(chain, l, one);
      const std::size_t kind = is_nearly_normal(count, skewed) ? 0 : 1;
      ones[kind].push_back(std::move(one));
      scales[kind].push_back(scale_of(chain, l, each, bend, skewed));
      given[kind].push_back(out);
    }
    for (std::size_t kind = 0; kind < 2; ++kind) {
      if (ones[kind].empty()) continue;
      std::vector<Rule> rules = kind == 0 ? sums_by_cumulants(ones[kind], count, fineness.wide)
                                          : sums(chain, l, std::move(ones[kind]), scales[kind], fineness);
      for (std::size_t i = 0; i < rules.size(); ++i) {
        for (const double point : rules[i].point)
          require(std::isfinite(point), "energies must be finite, got an overflow in layer ", l + 1,
                  "; use a smaller scale.");
        given[kind][i]->rule = std::move(rules[i]);
      }
    }
  });
  return nodes;
}

Layer::Place Layer::place(double log) const {
  const double within = std::clamp(log, low, high);
  const long panel = std::clamp(static_cast<long>(std::floor(within / width)) - first, 0L, panels - 1);
  const auto [from, to] = ends(panel);
  return {panel, std::clamp((within - from) / (to - from), 0.0, 1.0)};
}

std::size_t Layer::basis(double log, double* out) const {
  const auto [panel, inside] = place(log);
  unit.basis(inside, out);
  return static_cast<std::size_t>(panel) * unit.size();
}

void Layer::divide(double panel, std::size_t nodes) {
  v.clear();
  width = 0;
  if (range.from <= range.to) {
    width = panel * std::exp2(std::max(0.0, std::ceil(std::log2((range.to - range.from) / kMostPanels / panel))));
    unit = Chebyshev(0, 1, nodes);
    first = static_cast<long>(std::floor(range.from / width));
    const long last = std::max(first, static_cast<long>(std::ceil(range.to / width)) - 1);
    panels = last - first + 1;
    // Nodes beyond the range would have energies that follow from values beyond the next grid.
    low = std::min(range.from, width * (static_cast<double>(first) + 1 - kShortest));
    high = std::max(range.to, width * (static_cast<double>(last) + kShortest));
    low = std::min(low, high - kShortest * width);
    for (long k = 0; k < panels; ++k) {
      const auto [from, to] = ends(k);
      for (std::size_t i = 0; i < nodes; ++i) v.push_back(std::exp(from + (to - from) * unit.node(i)));
    }
  }
  if (zero) v.push_back(0);
}

Layer grid_of(const Chain& chain, Index l, const Fineness& fineness, const Layer& before, const Range& bent,
              const std::vector<double>& panel) {
  const std::vector<Reached> values = reached(chain, l, before);
  Layer layer;
  for (const Reached& value : values) layer.zero |= value.v < kLeast;
  const Range range = contributing(chain, l, values, panel[at(l - 1)], fineness);
  // Where energies are powers of v throughout, one panel.
  layer.range.from = std::min(std::max(range.from, bent.from), range.to);
  layer.range.to = std::max(std::min(range.to, bent.to), layer.range.from);
  if (range.from > range.to) {
    layer.range = range;
  } else {
    // Ranges that differ little from layer to layer become one, so that these layers have their nodes in common.
    const double part = panel[at(l)] / kParts;
    layer.range = {part * std::floor(layer.range.from / part), part * std::ceil(layer.range.to / part)};
  }
  layer.divide(panel[at(l)], fineness.nodes);
  weigh(values, layer);
  return layer;
}

std::vector<double> panel_widths(const Chain& chain, const Fineness& fineness) {
  std::vector<double> panel(at(chain.layers() + 1), fineness.widest);
  double smooth = fineness.smooth;
  for (Index l = chain.layers() - 1; l >= 1; --l) {
    if (chain.shift(l) != 0 || chain.shift(l + 1) != 0) smooth = 0;
    panel[at(l)] = std::max(smooth, fluctuation(chain, l, fineness));
    smooth = panel[at(l)] / (model::record_of(chain.activation(l)).accelerates ? kSteepest : 1);
  }
  for (Index l = 2; l < chain.layers(); ++l)
    if (chain.repeats(l - 1)) panel[at(l)] = panel[at(l - 1)];
  return panel;
}

void unite(const Chain& chain, const Fineness& fineness, const std::vector<double>& panel, std::vector<Layer>& layer) {
  for (Index l = 2; l < chain.layers();) {
    Index end = l + 1;
    Layer united = std::move(layer[at(l)]);
    for (; end < chain.layers() && chain.repeats(end - 1); ++end) {
      united.range = joined(united.range, layer[at(end)].range);
      united.zero |= layer[at(end)].zero;
    }
    if (end > l + 1) united.divide(panel[at(l)], fineness.nodes);
    for (; l < end; ++l) layer[at(l)] = united;
  }
}

std::vector<double> bends(const Chain& chain) {
  const Index layers = chain.layers();
  std::vector<double> bend(at(layers));
  for (Index l = layers - 1; l >= 1; --l) {
    const double slope = chain.weight[l] * chain.weight[l], above = chain.shift(l + 1);
    double v = kBend;
    if (l + 1 < layers) {
      const bool homogeneous = model::is_homogeneous(chain.activation(l + 1));
      if (homogeneous) v = std::numeric_limits<double>::infinity();
      if (above != 0 && (homogeneous || chain.width(l) == 1)) v = std::min(v, above * above);
    }
    // An activation that vanishes at 0 passes small variances on in proportion.
    if (l + 2 < chain.last() && chain.rests(l + 1) && above == 0)
      v = std::max(kLeastBend,
                   std::min(v, bend[at(l + 1)] / (chain.width(l + 1) * slope_at_rest(chain.activation(l + 1)))));
    bend[at(l)] = (chain.bias[l] * chain.bias[l] + v) / slope;
  }
  for (double& each : bend) each = std::exp2(kBendStep * std::floor(std::log2(std::max(each, kLeast)) / kBendStep));
  return bend;
}

}  // namespace pyrometer::energy
