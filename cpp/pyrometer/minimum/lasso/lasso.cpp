#include "pyrometer/minimum/lasso/lasso.hpp"

#include <algorithm>
#include <cmath>
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
  }
  // Starts from the previous solution; `out` has one slot.
  void minimise(const Moments& data, double l1, const Minima& out);

 private:
  void sweep();

  LassoPoint x_;
  LassoFactor factor_;
  FeatureSignSearch search_;
};

// A sweep costs p a flops and a step of the search a^3 / 3: with many active coordinates sweeps continue until the
// signs have converged.
void Descent::sweep() {
  Index calm = 0, wanted = 1;
  for (int sweeps = 0; sweeps < 100 && calm < wanted; ++sweeps) {
    base::throw_if_interrupted();
    calm = x_.sweep() ? 0 : calm + 1;
    const Index active = x_.coordinates() - static_cast<Index>(std::count(x_.theta.begin(), x_.theta.end(), 0.0));
    wanted = std::clamp<Index>(active / 300, 1, 6);
  }
}

void Descent::minimise(const Moments& data, double l1, const Minima& out) {
  x_.half = l1 / 2;
  x_.low.assign(x_.low.size(), 0.0);
  sweep();
  const LassoPoint::Certificate solution = search_.minimise(x_, factor_);

  double* theta = out.parameters.data();
  std::copy_n(x_.theta.begin(), x_.features, theta);
  if (data.intercept)
    theta[x_.features] =
        x_.constant ? at(x_.theta, x_.features) : residual(x_.centred.target_mean, x_.centred.mean, theta, x_.features);
  LassoAccuracy(x_, factor_, theta, data.intercept).write(solution, out);
}

}  // namespace

void lasso(const Moments& data, std::span<const double> weights, bool on_intercept, int threads, const Minima& out) {
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
          descent.minimise(data, weights[at(k)], slot);
        else
          least_squares(data.one(system), {0, on_intercept}, 1, slot);
      }
    }
  });
}

}  // namespace pyrometer::minimum
