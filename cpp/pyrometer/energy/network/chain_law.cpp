#include "pyrometer/energy/network/chain_law.hpp"

#include <algorithm>

namespace pyrometer::energy {
namespace {

constexpr double kDigits = 36;      // -ln of it
constexpr double kFluctuation = 5;  // |x_l|^2 is below e^5 times its mean but for a probability of 1e-30

/// Of the squares of units with a constant bias.
Range of_units(model::Activation activation, double shift) {
  const model::ActivationRecord& record = model::record_of(activation);
  const Range own{record.bent_from, record.bent_to};
  if (shift == 0) return own;
  const double log = 2 * std::log(std::abs(shift));
  return joined(own, {std::min(log, 0.0) - 2 * kDigits, std::max(log, 0.0) + 2 * kDigits});
}

/// Of a layer, from that of the layer above.
Range of_layer(const Chain& chain, Index l, const Range& above) {
  Range range = of_units(chain.activation(l), chain.shift(l));
  const double slope = 2 * std::log(chain.weight[l]) + std::log(chain.width(l)), past = chain.shift(l + 1);
  if (!std::isfinite(slope)) return range;
  const bool bounded = model::activate(chain.activation(l), 1e150) < 2;
  // The ratio of the squares of units and their variances is from 1e-4 to 3.
  const double square = chain.bias[l] * chain.bias[l];
  if (chain.rests(l)) {
    range.from = std::min(range.from, above.from - slope - kFluctuation);
    for (const double fixed : {square, past * past})
      if (fixed > 0) range.from = std::min(range.from, std::log(fixed) - slope - kDigits - kFluctuation);
  }
  if (!bounded) {
    range.to = std::max(range.to, above.to - slope + kFluctuation);
    for (const double fixed : {square, past * past})
      if (fixed > 0) range.to = std::max(range.to, std::log(fixed) - slope + kDigits + kFluctuation);
  }
  return range;
}

}  // namespace

std::vector<Range> bent_ranges(const Chain& chain) {
  const Index layers = chain.layers();
  std::vector<Range> ranges(at(layers + 1));
  const bool outputs = chain.last() > layers;  // whose cross entropy is bent where they are of order 1
  ranges[at(layers)] = outputs ? Range{-kDigits, kDigits} : Range{model::kNowhere, -model::kNowhere};
  for (Index l = layers - 1; l >= 1; --l) ranges[at(l)] = of_layer(chain, l, ranges[at(l + 1)]);
  return ranges;
}

}  // namespace pyrometer::energy
