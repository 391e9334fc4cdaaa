#include "pyrometer/minimum/least_squares/small_systems.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/base/simd.hpp"
#include "pyrometer/minimum/dense/moment_error.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum {
namespace {

constexpr int kL = base::kLanes<double>;
using V = base::Vec<double>;
constexpr double kClear = 1e-6, kTiny = 1e-280;

inline void root(const V& x, V& out) {
  for (int lane = 0; lane < kL; ++lane) out[lane] = std::sqrt(x[lane]);
}
inline void size_of(const V& x, V& out) { out = x < 0 ? -x : x; }
inline void larger(const V& x, V& into) { into = x > into ? x : into; }

// Scaled covariances and their factor U, U'U; the moments themselves lie below the diagonal.
struct Systems {
  Index p = 0;
  V cell[kAlikeFeatures][kAlikeFeatures];
  V diagonal[kAlikeFeatures], target[kAlikeFeatures], mean[kAlikeFeatures], scale[kAlikeFeatures];
  V whole[kAlikeFeatures];    // 1 / scale
  V inverse[kAlikeFeatures];  // 1 / diagonal of U
  V good;                     // 1 where no pivoting is needed, else 0

  void factor() {
    for (Index j = 0; j < p; ++j) {
      good = cell[j][j] > kClear ? good : V{};
      V pivot;
      root(cell[j][j], pivot);
      inverse[j] = 1.0 / pivot;
      cell[j][j] = pivot;
      for (Index k = j + 1; k < p; ++k) cell[j][k] *= inverse[j];
      for (Index i = j + 1; i < p; ++i)
        for (Index k = i; k < p; ++k) cell[i][k] -= cell[j][i] * cell[j][k];
    }
  }
  void forward(V* x) const {
    for (Index k = 0; k < p; ++k) {
      x[k] *= inverse[k];
      for (Index i = k + 1; i < p; ++i) x[i] -= x[k] * cell[k][i];
    }
  }
  void backward(V* x) const {
    for (Index k = p - 1; k >= 0; --k) {
      for (Index i = k + 1; i < p; ++i) x[k] -= cell[k][i] * x[i];
      x[k] *= inverse[k];
    }
  }
  void dot(const V* a, const V* b, V& sum) const {
    sum = V{};
    for (Index k = 0; k < p; ++k) sum += a[k] * b[k];
  }

  // The diagonal of the inverse of the scaled covariances: squared norms of the rows of U^-1.
  void inverse_diagonal(V* out) const {
    V rows[kAlikeFeatures][kAlikeFeatures];
    for (Index i = p - 1; i >= 0; --i) {
      V length = inverse[i] * inverse[i];
      rows[i][i] = inverse[i];
      for (Index l = i + 1; l < p; ++l) {
        V sum = {};
        for (Index k = i + 1; k <= l; ++k) sum += cell[i][k] * rows[k][l];
        sum *= inverse[i];
        rows[i][l] = -sum;
        length += sum * sum;
      }
      out[i] = length;
    }
  }

  // As in Factor: signs that maximise growth in the first solve, then a step of inverse iteration.
  void smallest_eigenvalue(V& out) const {
    V x[kAlikeFeatures] = {}, most = {}, before, grown;
    for (Index k = 0; k < p; ++k) {
      x[k] = (x[k] + (x[k] < 0 ? V{} - 1.0 : V{} + 1.0)) * inverse[k];
      for (Index i = k + 1; i < p; ++i) x[i] -= x[k] * cell[k][i];
    }
    for (int step = 0; step < 2; ++step) {
      if (step) forward(x);
      dot(x, x, before);
      backward(x);
      dot(x, x, grown);
      larger(grown / before, most);
      root(grown, grown);
      for (Index k = 0; k < p; ++k) x[k] /= grown;
    }
    out = 1.0 / most;
  }
  void largest_eigenvalue(V& out) const {
    V x[kAlikeFeatures], next[kAlikeFeatures], xx;
    std::fill_n(x, p, V{} + 1.0);
    out = V{} + 1.0;
    for (int step = 0; step < 3; ++step) {
      V yy = {};
      std::fill_n(next, p, V{});
      for (Index k = 0; k < p; ++k) {
        V y = {};
        for (Index i = k; i < p; ++i) y += cell[k][i] * x[i];
        yy += y * y;
        for (Index i = k; i < p; ++i) next[i] += y * cell[k][i];
      }
      dot(x, x, xx);
      larger(yy / xx, out);
      std::copy_n(next, p, x);
    }
  }
};

}  // namespace

Index alike_at_once() { return kL; }

unsigned solve_alike(const Moments& data, const Penalty& l2, Index first, const Minima& out) {
  const Index p = data.features, stride = p + 1, n = data.parameters();
  const double count = static_cast<double>(data.count);
  const double shrink = data.intercept && l2.on_intercept ? l2.weight : 0;
  const double weight = data.intercept ? shrink / (1 + shrink) : 1;
  Index system[kL];
  for (int lane = 0; lane < kL; ++lane) system[lane] = std::min(first + lane, data.systems - 1);
  const auto scatter = [&](Index i, Index j, V& v) {
    for (int lane = 0; lane < kL; ++lane) v[lane] = data.scatter_of(system[lane])[i * stride + j];
  };
  const auto mean = [&](Index j, V& v) {
    for (int lane = 0; lane < kL; ++lane) v[lane] = data.mean_of(system[lane])[j];
  };

  Systems s;
  s.p = p;
  for (int lane = 0; lane < kL; ++lane) s.good[lane] = data.one(system[lane]).had_lost() ? 0 : 1;
  V nothing = {}, target_variance, target_mean;
  scatter(p, p, target_variance);
  target_variance /= count;
  mean(p, target_mean);
  nothing += 0.0 * target_variance + 0.0 * target_mean;
  s.good = target_variance >= 0 ? s.good : V{};
  constexpr double rounding = 8 * std::numeric_limits<double>::epsilon();
  for (Index j = 0; j < p; ++j) {
    scatter(j, j, s.diagonal[j]);
    scatter(p, j, s.target[j]);
    mean(j, s.mean[j]);
    const V variance = s.diagonal[j] / count;
    V deviation, shift;
    root(variance, deviation);
    size_of(s.mean[j], shift);
    if (l2.weight == 0) s.good = deviation > rounding * shift ? s.good : V{};
    root(variance + l2.weight, s.scale[j]);
    s.good = s.scale[j] > 0 ? s.good : V{};
    s.whole[j] = 1.0 / s.scale[j];
    nothing += 0.0 * s.target[j] + 0.0 * s.mean[j] + 0.0 * variance;
  }
  for (Index i = 0; i < p; ++i) {
    const V share = s.whole[i] / count;
    s.cell[i][i] = V{} + 1.0;
    for (Index j = i + 1; j < p; ++j) {
      scatter(i, j, s.cell[j][i]);
      nothing += 0.0 * s.cell[j][i];
      s.cell[i][j] = s.cell[j][i] * share * s.whole[j];
    }
  }
  s.good = nothing == 0 ? s.good : V{};
  s.factor();

  // The names and the formulas are those of solve() in least_squares.cpp, for full rank.
  V u[kAlikeFeatures], v[kAlikeFeatures], z[kAlikeFeatures], theta[kAlikeFeatures];
  V vv = {}, uv = {}, rho = {};
  for (Index j = 0; j < p; ++j) u[j] = s.target[j] / count * s.whole[j];
  s.forward(u);
  for (Index j = 0; j < p; ++j) v[j] = s.mean[j] * s.whole[j];
  s.forward(v);
  s.dot(v, v, vv);
  if (weight > 0) {
    s.dot(u, v, uv);
    const V remainder = target_mean - uv;
    rho = remainder / (1.0 + weight * vv);
    for (Index j = 0; j < p; ++j) u[j] += weight * rho * v[j];
  }
  s.backward(u);
  for (Index j = 0; j < p; ++j) theta[j] = u[j] * s.whole[j];

  V mean_residual;
  for (int lane = 0; lane < kL; ++lane) {
    double row[kAlikeFeatures];
    for (Index j = 0; j < p; ++j) row[j] = theta[j][lane];
    mean_residual[lane] = residual(target_mean[lane], data.mean_of(system[lane]), row, p);
  }

  // The energy at theta; the effect of the rounding of theta is of second order.
  const V mean_gradient = weight * mean_residual;
  V value = target_variance, correction = mean_gradient * mean_residual;
  for (Index j = 0; j < p; ++j) {
    V g = s.target[j] - s.diagonal[j] * theta[j];
    for (Index k = 0; k < j; ++k) g -= s.cell[j][k] * theta[k];
    for (Index k = j + 1; k < p; ++k) g -= s.cell[k][j] * theta[k];
    g /= count;
    value -= theta[j] * (s.target[j] / count);
    correction -= theta[j] * (g - l2.weight * theta[j]);
    z[j] = (g - l2.weight * theta[j] + mean_gradient * s.mean[j]) * s.whole[j];
  }
  value += correction;
  value = value > 0 ? value : V{};
  s.forward(z);
  V zv = {}, along = {}, zz = {};
  if (weight > 0) {
    s.dot(z, v, zv);
    along = vv > 0 ? zv / vv : V{};
  }
  for (Index j = 0; j < p; ++j) {
    const V rest = weight > 0 ? z[j] - along * v[j] : z[j];
    zz += rest * rest;
  }
  zz += along * zv / (1.0 + weight * vv);

  // As MomentError, for moments that had lost nothing.
  V squares = target_variance, means = target_mean * target_mean, spread = {}, widest = {};
  for (Index j = 0; j < p; ++j) {
    const V square = theta[j] * theta[j], ratio = s.mean[j] * s.whole[j];
    widest += s.diagonal[j] / count + s.mean[j] * s.mean[j];
    squares += square * (s.diagonal[j] / count);
    means += square * s.mean[j] * s.mean[j];
    spread += ratio * ratio;
  }
  means += squares;
  // What squares of parameters lose where they underflow must not count.
  s.good = ((squares > kTiny * widest) | (squares == 0)) ? s.good : V{};
  V smallest, largest, size_of_mean_gradient, root_zz, root_means, root_second, condition, trace = {};
  s.smallest_eigenvalue(smallest);
  s.largest_eigenvalue(largest);
  s.inverse_diagonal(u);
  for (Index j = 0; j < p; ++j) trace += u[j];
  root(zz, root_zz);
  root(means, root_means);
  size_of(mean_gradient, size_of_mean_gradient);
  root(largest / smallest, condition);
  const auto above = [&](double units, V& sum) {
    const double e = units * std::numeric_limits<double>::epsilon() / 2;
    root((e * e * (1 + shrink)) * ((squares + mean_gradient * mean_gradient * spread) * trace + means / 16.0),
         root_second);
    sum = (root_zz + root_second) * (root_zz + root_second);
  };
  V gap, error;
  constexpr double roundoff = std::numeric_limits<double>::epsilon() / 2;
  const double units = MomentError::expected(p), expected = units * roundoff;
  above(units, error);
  above(MomentError::kWorst, gap);
  error += expected * (std::sqrt(2.0) * squares + 2.0 * value + 0.5 * size_of_mean_gradient * root_means);

  const V lost = squares > 0 ? V{} + Minima::underflow(p) : V{};
  error += lost;
  gap += lost;

  // Bounds of the parameters' errors.
  V of_intercept;
  for (Index j = 0; j < p; ++j) {
    root(gap * u[j], z[j]);
    z[j] *= s.whole[j];
  }
  root(gap * (1.0 + vv), of_intercept);
  of_intercept += MomentError::kWorst / 4 * roundoff * root_means;

  unsigned solved = 0;
  for (int lane = 0; lane < kL && first + lane < data.systems; ++lane) {
    if (s.good[lane] == 0) continue;
    double finite = 0 * (value[lane] + gap[lane] + error[lane]);  // nan if something has left the range of doubles
    for (Index j = 0; j < p; ++j) finite += 0 * theta[j][lane];
    if (finite != 0) continue;
    solved |= 1U << lane;
    const auto slot = at(first + lane);
    double* row = out.parameters.data() + (first + lane) * n;
    for (Index j = 0; j < p; ++j) row[j] = theta[j][lane];
    if (data.intercept) row[p] = mean_residual[lane] / (1 + shrink);
    double* bound = out.parameter_error.data() + (first + lane) * n;
    for (Index j = 0; j < p; ++j) bound[j] = z[j][lane];
    if (data.intercept) bound[p] = of_intercept[lane];
    out.value[slot] = value[lane];
    out.gap[slot] = gap[lane];
    out.relative_error[slot] = error[lane] == 0 ? 0 : error[lane] / value[lane];
    out.condition[slot] = condition[lane];
    out.rank[slot] = p;
  }
  return solved;
}

}  // namespace pyrometer::minimum
