#include "pyrometer/minimum/least_squares.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/centred.hpp"
#include "pyrometer/minimum/doubled.hpp"
#include "pyrometer/minimum/least_squares_alike.hpp"

namespace pyrometer::minimum {
namespace {

struct Scratch {
  Centred centred;
  std::vector<double> target, mean, work, gradient;
};

void solve(const Moments& data, const Penalty& l2, Index system, Scratch& s, const Minima& out) {
  Centred& c = s.centred;
  c.assemble(data, system, l2.weight);
  const Factor& factor = c.factor;
  const Index p = data.features, r = factor.rank(), n = data.parameters();
  const auto slot = static_cast<std::size_t>(system);
  const double shrink = data.intercept && l2.on_intercept ? l2.weight : 0;
  const double weight = data.intercept ? shrink / (1 + shrink) : 1;

  // Whitened target u and mean v. Then the centred part of E is s_y^2 - u.u + |U theta - u|^2 and the mean of the
  // residuals is rho = (mean_y - u.v) - v.(U theta - u), which enters as weight * rho^2.
  s.target.resize(static_cast<std::size_t>(p));
  s.mean.resize(s.target.size());
  s.work.resize(s.target.size());
  s.gradient.resize(s.target.size());
  double *u = s.target.data(), *v = s.mean.data(), *z = s.work.data(), *g = s.gradient.data();
  for (Index j = 0; j < p; ++j) g[j] = c.target_row[j] / c.count;
  factor.whiten(g, u);
  factor.forward(u);
  double explained = 0, left_over = 0, largest_left = 0, vv = 0, uv = 0;
  for (Index k = 0; k < r; ++k) explained += u[k] * u[k];
  for (Index k = r; k < p; ++k) left_over += u[k] * u[k], largest_left = std::max(largest_left, std::abs(u[k]));
  double value = std::max(c.target_variance - explained, 0.0);
  const double centred = value;

  double rho = 0, alpha = 0;
  Index carrier = -1;
  if (weight > 0) {
    factor.whiten(c.mean, v);
    factor.forward(v);
    for (Index k = 0; k < r; ++k) vv += v[k] * v[k], uv += u[k] * v[k];
    const double left = c.target_mean - uv;
    carrier = Centred::carrier(factor, c.mean, v, c.noise);  // a penalty on its parameter is then below the noise
    if (carrier >= 0) {
      const bool constant = factor.scale_at(carrier) == 0;
      alpha = left / (constant ? c.mean[factor.column(carrier)] : v[carrier]);
      if (!constant)
        for (Index k = 0; k < r; ++k) u[k] -= alpha * factor.row(k)[carrier];
    } else {
      rho = left / (1 + weight * vv);
      value += weight * rho * left;
      for (Index k = 0; k < r; ++k) u[k] += weight * rho * v[k];
    }
  }
  factor.backward(u);

  double* theta = out.parameters.data() + system * n;
  std::fill(theta, theta + n, 0.0);
  for (Index k = 0; k < r; ++k) theta[factor.column(k)] = u[k] / factor.scale_at(k);
  if (carrier >= 0)
    theta[factor.column(carrier)] = factor.scale_at(carrier) > 0 ? alpha / factor.scale_at(carrier) : alpha;
  const double mean_residual = residual(c.target_mean, c.mean, theta, p);
  if (data.intercept) theta[p] = mean_residual / (1 + shrink);

  // The gradient that is left, whitened: E(theta) - E* = |z|^2, less along the mean, where the curvature is 1 + weight
  // vv.
  const double pull = carrier >= 0 ? 0 : weight * mean_residual;
  for (Index j = 0; j < p; ++j) g[j] = c.half_gradient(j, theta) - l2.weight * theta[j] + pull * c.mean[j];
  factor.whiten(g, z);
  factor.forward(z);
  double zz = 0, zv = 0;
  for (Index k = 0; k < r; ++k) zv += z[k] * v[k];
  const double along = weight > 0 && carrier < 0 && vv > 0 ? zv / vv : 0;
  for (Index k = 0; k < r; ++k) zz += square(z[k] - along * v[k]);
  zz += along * zv / (1 + weight * vv);
  if (carrier >= 0) zz += square(mean_residual);

  double reach = c.target_scale, mean_reach = std::abs(c.target_mean), spread = 0;
  for (Index j = 0; j < p; ++j) {
    const double scale = c.factor.scale(j);
    reach += std::abs(theta[j]) * scale;
    mean_reach += std::abs(theta[j] * c.mean[j]);
    if (scale > 0) spread += square(c.mean[j] / scale);
  }
  const double smallest = factor.smallest_eigenvalue(), width = static_cast<double>(r);
  const double second =
      square(c.noise * (reach * std::sqrt(width) + weight * std::abs(rho) * std::sqrt(spread))) / smallest +
      (1 + shrink) * square(c.noise * mean_reach);
  const double first = c.noise * (reach * reach + 2 * weight * std::abs(rho) * mean_reach);
  // What the columns taken for dependent may hide. If the target varies with what is left of one by more than noise, it
  // is no noise, and its variance, which is, cannot bound what it explains. Neither is the rank clear where the
  // independent columns fade into the noise (powers of one variable) instead of ending well above it.
  double hidden = std::min(left_over / c.tolerance(), centred);
  if (largest_left > 4 * c.noise * reach || (largest_left > 0 && smallest < 1e5 * c.tolerance())) hidden = centred;
  if (carrier >= 0 && factor.scale_at(carrier) > 0) hidden += c.tolerance() * square(alpha);
  const double error = first + second + hidden;

  out.value[slot] = value;
  out.gap[slot] = square(std::sqrt(zz) + std::sqrt(second)) + hidden;
  out.relative_error[slot] = error == 0 ? 0 : error / value;
  out.rank[slot] = r + (carrier >= 0 ? 1 : 0);
  out.condition[slot] =
      out.rank[slot] < p ? std::numeric_limits<double>::infinity() : std::sqrt(factor.largest_eigenvalue() / smallest);
}

}  // namespace

void least_squares(const Moments& data, const Penalty& l2, int threads, const Minima& out) {
  require(data.count >= 1, "count must be at least 1, got ", data.count);
  require(std::isfinite(l2.weight) && l2.weight >= 0, "l2 must be finite and >= 0, got ", l2.weight);
  const bool alike = data.features >= 1 && data.features <= kAlikeFeatures;
  // Whole groups of systems in a chunk: two workers must not write the answer of one.
  const Index step = alike ? alike_at_once() : 1, groups = (systems_at_once(data.features) + step - 1) / step;
  const base::Chunks chunks{data.systems, groups * step};
  std::vector<Scratch> scratch(static_cast<std::size_t>(base::worker_count(chunks.number(), threads)));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += step) {
      const unsigned solved = alike ? solve_alike(data, l2, first, out) : 0;
      for (Index system = first; system < std::min(first + step, chunks.end(chunk)); ++system)
        if (!(solved >> (system - first) & 1U)) solve(data, l2, system, scratch[static_cast<std::size_t>(worker)], out);
    }
  });
}

}  // namespace pyrometer::minimum
