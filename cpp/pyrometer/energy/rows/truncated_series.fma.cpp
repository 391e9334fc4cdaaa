#include "pyrometer/energy/rows/truncated_series.hpp"

#include "pyrometer/energy/rows/eight_lanes.hpp"
#include "pyrometer/energy/rows/sinc_lanes.hpp"

namespace pyrometer::energy {
namespace {

// cos(k theta v) for k = 1, 3, ... at one node v, times its weight.
struct Node {
  Lanes cosine, change, step;
  double weight;

  [[gnu::always_inline]] inline void start(const Lanes& theta, double v, double w) {
    const Lanes half = (0.5 * v) * theta, square = half * half;
    Lanes s;
    sinc(square, s);
    s = square * s * s;  // sin^2
    cosine = 1.0 - 2.0 * s;
    step = 16.0 * s * (1.0 - s);
    change = -(step * cosine);
    weight = w;
  }
  [[gnu::always_inline]] inline void next() {
    cosine += change;
    change -= step * cosine;
  }
};

// One rule, or kNodes of its nodes, for all terms: to = their sum, after `first` added to it; multiplied if kMultiply.
template <Index kNodes, bool kMultiply>
void sum_nodes(const double* theta, const double* node, const double* weight, Index terms, bool first, double* to) {
  Lanes angle;
  load(theta, angle);
  Node nodes[kNodes];
#pragma GCC unroll 8
  for (Index n = 0; n < kNodes; ++n) nodes[n].start(angle, node[n], weight[n]);
  for (Index i = 0; i < terms; ++i) {
    Lanes sum = nodes[0].weight * nodes[0].cosine;
    nodes[0].next();
#pragma GCC unroll 8
    for (Index n = 1; n < kNodes; ++n) {
      sum += nodes[n].weight * nodes[n].cosine;
      nodes[n].next();
    }
    Lanes before;
    load(to + i * kSeriesLanes, before);
    if constexpr (kMultiply) {
      sum *= before;
    } else {
      if (!first) sum += before;
    }
    store(to + i * kSeriesLanes, sum);
  }
}

}  // namespace

void truncated_products(const double* theta, const TruncatedShape::Rule* const* rules, Index features, Index terms,
                        double* spare, double* product) {
  for (Index j = 0; j < features; ++j) {
    const TruncatedShape::Rule& rule = *rules[j];
    const double *angle = theta + j * kSeriesLanes, *node = rule.node.data(), *weight = rule.weight.data();
    switch (rule.nodes) {
      case 3:
        sum_nodes<3, true>(angle, node, weight, terms, true, product);
        continue;
      case 4:
        sum_nodes<4, true>(angle, node, weight, terms, true, product);
        continue;
      case 5:
        sum_nodes<5, true>(angle, node, weight, terms, true, product);
        continue;
      case 6:
        sum_nodes<6, true>(angle, node, weight, terms, true, product);
        continue;
      default:
        break;
    }
    for (Index n = 0; n < rule.nodes; n += 4) sum_nodes<4, false>(angle, node + n, weight + n, terms, n == 0, spare);
    for (Index i = 0; i < terms * kSeriesLanes; ++i) product[i] *= spare[i];
  }
}

void truncated_envelope(const double* x, const double* weight, const TruncatedShape* const* shapes, Index features,
                        const double* half_t, Envelope& out) {
  Lanes t, gaussian, inverse, low, high;
  load(half_t, t);
  t *= 2.0;
  load(out.gaussian, gaussian);
  load(out.inverse, inverse);
  for (Index j = 0; j < features; ++j) {
    const TruncatedShape& shape = *shapes[j];
    Lanes u;
    load(x + j * kSeriesLanes, u);
    u *= weight[j] * t;
    fill(shape.gaussian_until, low);
    fill(shape.inverse_from, high);
    const Lanes near = u < low ? u : low, far = u > high ? u : high;
    gaussian += (3.0 * shape.variance()) * (near * near);
    inverse *= far * (1.0 / shape.inverse_from);
  }
  store(out.gaussian, gaussian);
  store(out.inverse, inverse);
}

}  // namespace pyrometer::energy
