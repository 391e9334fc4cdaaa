#include "pyrometer/minimum/lasso/lasso.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/lasso/accuracy.hpp"
#include "pyrometer/minimum/lasso/active_factor.hpp"
#include "pyrometer/minimum/lasso/feature_sign.hpp"
#include "pyrometer/minimum/lasso/point.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"

namespace pyrometer::minimum {
namespace {

// Minimises the energy of one system after the other, reusing its memory.
class Descent {
 public:
  void start(const Moments& data, bool on_intercept, Index system) {
    x_.start(data, on_intercept, system);
    factor_.clear();
    previous_ = 0;
    for (Index j = 0; j < x_.coordinates(); ++j) previous_ = std::max(previous_, 2 * std::abs(x_.slope(j)));
  }
  // Starts from the previous solution; `out` has one slot.
  void minimise(const Moments& data, double l1, bool rows_follow, const Minima& out);

 private:
  bool sweep(double l1, double most);
  void approach(double l1, const Numbers& start);
  LassoAccuracy accuracy(bool intercept, double* theta);

  LassoPoint x_;
  LassoFactor factor_;
  FeatureSignSearch search_;
  double previous_ = 0;  // weight, of the solution that x_ starts from; at first the least one whose solution is 0
};

// Coordinate descent until the signs have converged; false if they do not, or if more than `most` coordinates are
// active. A sweep costs p a flops and a step of the search a^3 / 3: with many active coordinates sweeps continue.
bool Descent::sweep(double l1, double most) {
  x_.half = l1 / 2;
  x_.low.assign(x_.low.size(), 0.0);
  Index calm = 0, wanted = 1;
  for (int sweeps = 0; sweeps < 100 && calm < wanted; ++sweeps) {
    base::throw_if_interrupted();
    calm = x_.sweep() ? 0 : calm + 1;
    const Index active = x_.coordinates() - static_cast<Index>(std::count(x_.theta.begin(), x_.theta.end(), 0.0));
    if (static_cast<double>(active) > most) return false;
    wanted = std::clamp<Index>(active / 300, 1, 6);
  }
  return calm >= wanted;
}

// Moves from the solution for the previous weight through those for weights between, so that few signs change at once:
// columns that enter although they depend on others leave one by one, and each costs a factorisation.
void Descent::approach(double l1, const Numbers& start) {
  constexpr double kRatio = 4;
  x_.theta = start;
  x_.refresh();
  for (double between = previous_ / kRatio; between > l1; between /= kRatio) {
    x_.half = between / 2;
    search_.minimise(x_, factor_, std::numeric_limits<double>::infinity());
  }
  x_.half = l1 / 2;
}

// Of the point, whose parameters are written to `theta`.
LassoAccuracy Descent::accuracy(bool intercept, double* theta) {
  std::copy_n(x_.theta.begin(), x_.features, theta);
  if (intercept)
    theta[x_.features] =
        x_.constant ? at(x_.theta, x_.features) : residual(x_.centred.target_mean, x_.centred.mean, theta, x_.features);
  return {x_, factor_, theta, intercept};
}

void Descent::minimise(const Moments& data, double l1, bool rows_follow, const Minima& out) {
  constexpr double kUnknown = 1e-6;
  const Numbers start = x_.theta;
  double* const theta = out.parameters.data();
  const double most = rows_follow ? kUnknown : std::numeric_limits<double>::infinity();
  if (!sweep(l1, x_.centred.count)) {
    const double value = x_.certify().value;
    if (accuracy(data.intercept, theta).error({value, 0}) <= kUnknown * value) approach(l1, start);
  }
  const LassoPoint::Certificate solution = search_.minimise(x_, factor_, most);
  previous_ = l1;
  accuracy(data.intercept, theta).write(solution, out);
}

}  // namespace

void lasso(const Moments& data, std::span<const double> weights, bool on_intercept, int threads, const Minima& out,
           bool rows_follow) {
  require(data.count > 0, "count must be above 0, got ", data.count);
  for (const double weight : weights)
    require(std::isfinite(weight) && weight >= 0, "l1 must be finite and >= 0, got ", weight);
  std::vector<Index> order(weights.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto key = [&](Index k) { return std::pair(-weights[at(k)], k); };
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
  const base::Chunks chunks{data.systems, std::max<Index>(1, systems_at_once(data.features) / 16)};
  std::vector<Descent> descents(at(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    Descent& descent = descents[at(worker)];
    for (Index system = chunks.begin(chunk); system < chunks.end(chunk); ++system) {
      descent.start(data, on_intercept, system);
      for (const Index k : order) {
        const Minima slot = out.one(system * static_cast<Index>(weights.size()) + k, data.parameters());
        if (weights[at(k)] > 0)
          descent.minimise(data, weights[at(k)], rows_follow, slot);
        else
          least_squares(data.one(system), {0, on_intercept}, 1, slot);
      }
    }
  });
}

}  // namespace pyrometer::minimum
