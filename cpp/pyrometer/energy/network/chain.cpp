#include "pyrometer/energy/network/chain.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chain_average.hpp"
#include "pyrometer/energy/network/chain_grid.hpp"
#include "pyrometer/energy/network/chain_law.hpp"
#include "pyrometer/energy/network/chain_rows.hpp"
#include "pyrometer/energy/network/chain_rule.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kTolerance = 1e-9;  // relative error at which to stop
constexpr double kEnough = 1e-6;     // the same where more than kManyRules distributions were computed
constexpr std::size_t kManyRules = 5000;
constexpr double kTrusted = 1e-4;    // relative error
constexpr double kRounding = 1e-14;  // relative, for each layer
constexpr double kOfLog = 4e-16;     // the same relative to the logarithm of an energy, which is interpolated
constexpr double kCaution = 4;       // factor on the difference of two discretisations, in case convergence is slow
constexpr double kNearRounding = 8;  // the same of relative differences below kSmallDifference, which rounding reaches
constexpr double kSmallDifference = 1e-11;
constexpr double kAtKinks = 32;      // the same of activations with kinks beside 0, where it is slower
constexpr double kApart = 0.01;      // of ln v, between the nodes of a central difference
constexpr double kOfGrowth = 1e-12;  // rounding of a growth, by differences of interpolated logarithms

constexpr Fineness kFineness[] = {{10, 14, 20, 11, 4, 2, 2, 0.1},
                                  {12, 18, 24, 13, 4, 2, 2, 0.09},
                                  {14, 20, 28, 16, 4, 1.5, 1.5, 0.08},
                                  {14, 24, 32, 16, 3, 0, 1, 0.07}};

/// Layer 1, whose nodes are the rows' times each of `factors`, with the energies of all layers at them.
///
/// rules  the number of distributions that were computed, out.
Layer solve(const Chain& chain, const RowNodes& rows, const std::vector<double>& factors, const Fineness& fineness,
            int threads, std::size_t& rules) {
  const Index layers = chain.layers();
  std::vector<Layer> layer(at(layers + 1));
  for (const double factor : factors)
    for (const double q : rows.norm()) {
      layer[1].v.push_back(chain.variance(1, q) * factor);
      require(std::isfinite(layer[1].v.back()), "energies must be finite, got an overflow in layer 1; use a ",
              "smaller scale.");
    }
  layer[1].mass.assign(layer[1].size(), 1);
  const std::vector<double> bend = bends(chain);
  const std::vector<Range> bent = bent_ranges(chain);
  const std::vector<double> panel = panel_widths(chain, fineness);
  GivenVariance cache;
  const auto find = [&](Index l) {
    const double scale = l + 1 == chain.last() ? 0 : bend[at(l)];
    if (l > 2 && chain.repeats(l - 1) && scale == bend[at(l - 1)] && layer[at(l)].same_grid(layer[at(l - 1)]))
      layer[at(l)].given = layer[at(l - 1)].given;
    else
      layer[at(l)].given = cache.of(chain, l, layer[at(l)].v, scale, fineness, threads);
  };
  for (Index l = 1; l < layers; ++l) {
    find(l);
    if (l + 1 < layers) layer[at(l + 1)] = grid_of(chain, l + 1, fineness, layer[at(l)], bent[at(l + 1)], panel);
  }
  unite(chain, fineness, panel, layer);
  for (Index l = 2; l < layers; ++l) find(l);
  Transition transition;
  for (Index l = std::max<Index>(1, layers - 1); l >= 1; --l) {
    average(chain, l, layer[at(std::min(l + 1, layers))], factors.size() > 1, threads, transition, layer[at(l)]);
    if (l < layers) layer[at(l + 1)].energy = layer[at(l + 1)].growth = {};
  }
  rules = cache.size();
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

/// Whether a layer has an activation that is not smooth beside 0.
bool has_kinks(const Chain& chain) {
  for (Index l = 1; l < chain.layers(); ++l)
    if (model::record_of(chain.activation(l)).kink > 0) return true;
  return false;
}

/// The error of a solution, from its difference to a coarser one.
double from_difference(double apart, bool kinks) {
  return kinks ? kAtKinks * apart : std::max(kCaution * apart, kNearRounding * std::min(apart, kSmallDifference));
}

/// The last two solutions of layer 1.
struct Solutions {
  Layer fine, coarse;
};

/// Refines until the estimated error, with a factor of kCaution, is below kTolerance; returns whether the last
/// solution is trusted.
bool general(const Chain& chain, const RowNodes& rows, const std::vector<double>& factors, int threads,
             Solutions& solutions, double* energy, double* error) {
  auto& [fine, coarse] = solutions;
  const bool kinks = has_kinks(chain);
  double worst = 0;  // relative error of any layer
  std::size_t rules = 0;
  for (const Fineness& fineness : kFineness) {
    std::swap(coarse, fine);
    fine = solve(chain, rows, factors, fineness, threads, rules);
    if (coarse.energy.empty()) continue;
    worst = 0;
    double apart = 0;  // difference to the coarser solution, relative: at least that of the layers before
    double reached = 0;
    for (Index l = 1; l <= chain.last(); ++l) {
      const std::size_t first = at(l - 1) * fine.size();
      const double value = rows.mean(&fine.energy[first]);
      energy[l - 1] = value;
      if (value > 0) apart = std::max(apart, std::abs(value - rows.mean(&coarse.energy[first])) / value);
      const double rounding =
          rows.error(&fine.energy[first]) +
          (kRounding + kOfLog * std::abs(std::log(std::max(value, kLeast)))) * static_cast<double>(l) * value;
      error[l - 1] = from_difference(apart, kinks) * value + rounding;
      if (value <= 0) continue;
      worst = std::max(worst, error[l - 1] / value);
      reached = std::max(reached, kCaution * apart + rounding / value);
    }
    if (reached <= (rules > kManyRules ? kEnough : kTolerance)) break;
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

/// The mean over rows of a layer's energy, its derivative, and what the central difference leaves out of it, at most.
struct Slope {
  double energy, value, error;
};

/// Of every layer, from energies at the factors of `network_chain_growth`.
std::vector<Slope> slopes(const RowNodes& rows, const Layer& first, Index energies) {
  const std::size_t count = rows.norm().size();
  std::vector<double> value(count), slope(count), rest(count);
  std::vector<Slope> out;
  for (Index l = 0; l < energies; ++l) {
    const auto log = [&](std::size_t step, std::size_t node) {
      return std::log(first.energy[at(l) * first.size() + step * count + node]);
    };
    for (std::size_t node = 0; node < count; ++node) {
      const std::size_t here = at(l) * first.size() + node;
      value[node] = first.energy[here];
      slope[node] = rest[node] = 0;
      if (!(value[node] > 0) || !(first.energy[here + count] > 0)) continue;
      const double near = (log(3, node) - log(2, node)) / (2 * kApart);
      const double along = (4 * near - (log(4, node) - log(1, node)) / (4 * kApart)) / 3;
      slope[node] = value[node] * (first.growth[here] + 2 * along);
      rest[node] = value[node] * 2 * std::abs(near - along);
    }
    out.push_back({rows.mean(value.data()), rows.mean(slope.data()), kApart * kApart * rows.mean(rest.data())});
  }
  return out;
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
    const Chain chain(networks, b);
    double *value = energy + b * energies, *errors = error + b * energies;
    if (closed) homogeneous(chain, value, errors);
    Solutions solutions;
    trusted[b] = closed || general(chain, rows, {1}, threads, solutions, value, errors);
    for (Index l = 0; l < energies; ++l)
      require(std::isfinite(value[l]), "energies must be finite, got an overflow in layer ", l + 1, " under law ", b,
              "; use a smaller scale.");
  });
}

void network_chain_growth(const Networks& networks, int threads, double* growth, double* error,
                          unsigned char* trusted) {
  check(networks);
  require(!is_closed(networks), "activation must not be homogeneous: its growth is closed");
  const Index energies = networks.energies();
  const RowNodes rows(networks.norms);
  const std::vector<double> factors{1, std::exp(-2 * kApart), std::exp(-kApart), std::exp(kApart),
                                    std::exp(2 * kApart)};
  base::for_each_chunk(networks.laws(), threads, [&](Index b, int) {
    const Chain chain(networks, b);
    std::vector<double> energy(at(energies)), of_energy(at(energies));
    Solutions solutions;
    trusted[b] = general(chain, rows, factors, threads, solutions, energy.data(), of_energy.data());
    const std::vector<Slope> fine = slopes(rows, solutions.fine, energies),
                             coarse = slopes(rows, solutions.coarse, energies);
    double apart = 0;
    for (Index l = 0; l < energies; ++l) {
      const auto& [value, slope, rest] = fine[at(l)];
      double *const grown = growth + b * energies + l, *const bound = error + b * energies + l;
      *grown = *bound = 0;
      if (!(value > 0)) continue;
      apart = std::max(apart, std::abs(slope - coarse[at(l)].value) / value);
      *grown = slope / value;
      *bound = from_difference(apart, has_kinks(chain)) + rest / value + kOfGrowth;
    }
  });
}

}  // namespace pyrometer::energy
