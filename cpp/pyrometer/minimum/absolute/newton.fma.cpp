#include "pyrometer/minimum/absolute/newton.hpp"

#include <cmath>

#include "pyrometer/minimum/absolute/kernels.hpp"
#include "pyrometer/minimum/absolute/normal_equations.hpp"

namespace pyrometer::minimum::absolute {
namespace {

constexpr int kMostSteps = 40;

class Newton {
 public:
  Newton(const Rows& rows, Index stride, ExecutionContext context)
      : rows_(rows),
        stride_(stride),
        context_(context),
        used_((rows.blocks() + stride - 1) / stride),
        r_(at(used_ * kBlock)),
        u_(r_.size()),
        chunks_{used_, kChunk},
        work_(used_ * kBlock * rows.columns) {}

  Vec run(double share, Vec& phi) {
    const Index n = rows_.columns;
    product(phi.data(), true, r_);
    double now = std::max(share, 0.5);
    Vec gradient(at(n)), hessian, factor;
    for (int step = 0; step < kMostSteps; ++step) {
      context_.check_interrupt();
      const double g = quantile(now);
      if (!(g > 0)) break;  // this share of the rows fits exactly: a vertex is near
      derivatives(g, gradient, hessian);
      if (!factor_positive(hessian, n)) break;
      solve_positive(hessian, gradient);
      factor = hessian;
      product(gradient.data(), false, u_);  // u = -(change of r)
      double moved = 0;
      for (const double u : u_) moved += u * u;
      moved = std::sqrt(moved / static_cast<double>(counted()));
      const double length = search();
      for (Index j = 0; j < n; ++j) phi[at(j)] += length * gradient[at(j)];
      for (std::size_t i = 0; i < r_.size(); ++i) r_[i] += length * u_[i];
      const bool settled = length * moved < 0.5 * g;
      if (settled && now <= share) break;
      if (settled) now = std::max(share, now / 4);
    }
    return factor;
  }

 private:
  [[nodiscard]] Index counted() const { return std::min(rows_.count, used_ * kBlock); }

  // out = y - Z v, or -Z v
  void product(const double* v, bool with_y, Vec& out) {
    context_.for_each_chunk(chunks_.number(), work_, [&](Index chunk, int) {
      for (Index b = chunks_.begin(chunk); b < chunks_.end(chunk); ++b) {
        const Block block = rows_.block(b * stride_, nullptr);
        residuals(block.x, with_y ? block.y : nullptr, rows_.columns, v, out.data() + b * kBlock);
      }
    });
  }

  // The share-quantile of |r|, from a sample.
  double quantile(double share) {
    const Index wanted = std::min<Index>(1024, counted());
    Vec sample(at(wanted));
    for (Index k = 0; k < wanted; ++k) sample[at(k)] = std::abs(r_[at(stratified(k, wanted, counted()))]);
    const Index rank = std::clamp<Index>(static_cast<Index>(share * static_cast<double>(wanted)), 0, wanted - 1);
    std::nth_element(sample.begin(), sample.begin() + rank, sample.end());
    return sample[at(rank)];
  }

  // gradient = sum clip(r/g) z, hessian = sum_{|r| < g} z z' / g, packed lower triangle, with a ridge of 1e-4 of its
  // mean.
  void derivatives(double g, Vec& gradient, Vec& hessian) {
    const Index n = rows_.columns, pairs = n * (n + 1) / 2;
    std::vector<Vec> slots(at(chunks_.number()));
    context_.for_each_chunk(chunks_.number(), work_ * (1 + n / 16), [&](Index chunk, int) {
      std::vector<LaneSum> first(at(n)), second(at(pairs));
      Vec panel(at(n * kBlock));
      Index filled = 0;
      for (Index b = chunks_.begin(chunk); b < chunks_.end(chunk); ++b) {
        const double* x = rows_.block(b * stride_, nullptr).x;
        const double* r = r_.data() + b * kBlock;
        double clipped[kBlock];
        for (Index l = 0; l < kBlock; ++l) clipped[l] = std::min(1.0, std::max(-1.0, r[l] / g));
        for (Index j = 0; j < n; ++j) add_weighed(x + j * kBlock, clipped, first[at(j)].sum);
        // Rows of the quadratic part are gathered, so that the n^2 work is done on full vectors.
        for (Index l = 0; l < kBlock; ++l) {
          if (!(std::abs(r[l]) < g)) continue;
          for (Index j = 0; j < n; ++j) panel[at(j * kBlock + filled)] = x[j * kBlock + l];
          if (++filled == kBlock) {
            add_products(panel.data(), n, second.data());
            filled = 0;
          }
        }
      }
      if (filled > 0) {
        for (Index j = 0; j < n; ++j) std::fill_n(panel.data() + j * kBlock + filled, kBlock - filled, 0.0);
        add_products(panel.data(), n, second.data());
      }
      Vec& slot = slots[at(chunk)];
      slot.reserve(at(n + pairs));
      for (const LaneSum& v : first) slot.push_back(total(v.sum));
      for (const LaneSum& v : second) slot.push_back(total(v.sum));
    });
    gradient.assign(at(n), 0.0);
    hessian.assign(at(pairs), 0.0);
    for (const Vec& slot : slots) {
      for (Index j = 0; j < n; ++j) gradient[at(j)] += slot[at(j)];
      for (Index k = 0; k < pairs; ++k) hessian[at(k)] += slot[at(n + k)] / g;
    }
    double trace = 0;
    for (Index j = 0; j < n; ++j) trace += hessian[at(j * (j + 1) / 2 + j)];
    // Scaled to a mean diagonal of 1; the step, H^{-1} gradient, does not change.
    const double scale = trace > 0 ? static_cast<double>(n) / trace : 1;
    for (double& h : hessian) h *= scale;
    for (double& value : gradient) value *= scale;
    for (Index j = 0; j < n; ++j) hessian[at(j * (j + 1) / 2 + j)] += 1e-4;
  }

  static void add_products(const double* panel, Index n, LaneSum* pairs) {
    for (Index i = 0; i < n; ++i) {
      const double* left = panel + i * kBlock;
      Index j = 0;
      for (; j + 4 <= i + 1; j += 4) {
        Lanes sum[4];
        for (int t = 0; t < 4; ++t) sum[t] = pairs[j + t].sum;
        for (int k = 0; k < kParts; ++k)
          for (int t = 0; t < 4; ++t) sum[t] += lanes(left, k).v * lanes(panel + (j + t) * kBlock, k).v;
        for (int t = 0; t < 4; ++t) pairs[j + t].sum = sum[t];
      }
      for (; j <= i; ++j) add_weighed(panel + j * kBlock, left, pairs[j].sum);
      pairs += i + 1;
    }
  }

  // The derivative of sum |r + t u| along t.
  double slope(double t) {
    Lanes sum{};
    for (std::size_t b = 0; b < r_.size(); b += at(kBlock)) {
      double signs[kBlock];
      for (Index l = 0; l < kBlock; ++l) signs[l] = std::copysign(1.0, r_[b + at(l)] + t * u_[b + at(l)]);
      add_weighed(u_.data() + b, signs, sum);
    }
    return total(sum);
  }

  // Line search: a step length at which |slope| is at most a third of its initial value, or the slope still negative.
  double search() {
    const double start = slope(0);
    if (!(start < 0)) return 0;
    double low = 0, high = 0, t = 1, value = 0;
    for (int tries = 0; tries < 8; ++tries) {
      value = slope(t);
      if (std::abs(value) <= -start / 3) return t;
      if (value < 0) {
        low = t;
        t = high > 0 ? 0.5 * (low + high) : 3 * t;
      } else {
        high = t;
        t = low + (high - low) / 3;
      }
    }
    return value < 0 ? t : low;
  }

  const Rows& rows_;
  Index stride_;
  ExecutionContext context_;
  Index used_;
  Vec r_, u_;
  base::Chunks chunks_;
  Index work_;
};

}  // namespace

Vec newton(const Rows& rows, Index stride, double share, Vec& phi, ExecutionContext context) {
  return Newton(rows, stride, context).run(share, phi);
}

}  // namespace pyrometer::minimum::absolute
