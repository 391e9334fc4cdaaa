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

// One system in each lane. The names and the formulas are those of solve() in least_squares.cpp, for full rank.
class Solver {
 public:
  // Lanes beyond the last system repeat it.
  Solver(const Moments& data, const Penalty& l2, Index first)
      : data_(data),
        first_(first),
        p_(data.features),
        count_(data.count),
        l2_(l2.weight),
        shrink_(data.intercept && l2.on_intercept ? l2.weight : 0),
        weight_(data.intercept ? shrink_ / (1 + shrink_) : 1) {
    for (int lane = 0; lane < kL; ++lane) system_[lane] = std::min(first + lane, data.systems - 1);
  }

  void read();
  // Returns the lanes whose columns are certainly independent, as bits, after a factor of their covariances.
  [[nodiscard]] unsigned factor();
  void solve();
  void evaluate();
  void bound();
  // Returns the lanes that were solved, as bits.
  [[nodiscard]] unsigned write(const Minima& out) const;

 private:
  void read_scatter(Index i, Index j, V& v) const {
    for (int lane = 0; lane < kL; ++lane) v[lane] = data_.scatter_of(system_[lane])[i * (p_ + 1) + j];
  }
  void read_mean(Index j, V& v) const {
    for (int lane = 0; lane < kL; ++lane) v[lane] = data_.mean_of(system_[lane])[j];
  }
  void set_moment_errors(V& spread);
  [[nodiscard]] bool solved(int lane) const;

  const Moments& data_;
  Index first_, p_;
  double count_, l2_, shrink_, weight_;
  Index system_[kL];
  Systems s_;
  V target_variance_, target_mean_;
  V u_[kAlikeFeatures], v_[kAlikeFeatures], theta_[kAlikeFeatures];
  V vv_, zz_, mean_residual_, value_;
  V squares_, means_, root_means_;  // as of MomentError; means_ squared
  V gap_, error_, condition_, parameter_error_[kAlikeFeatures], intercept_error_;
};

void Solver::read() {
  s_.p = p_;
  for (int lane = 0; lane < kL; ++lane) s_.good[lane] = data_.one(system_[lane]).had_lost() ? 0 : 1;
  V nothing = {};  // NaN for moments that are not finite
  read_scatter(p_, p_, target_variance_);
  target_variance_ /= count_;
  read_mean(p_, target_mean_);
  nothing += 0.0 * target_variance_ + 0.0 * target_mean_;
  s_.good = target_variance_ >= 0 ? s_.good : V{};
  constexpr double rounding = 8 * std::numeric_limits<double>::epsilon();
  for (Index j = 0; j < p_; ++j) {
    read_scatter(j, j, s_.diagonal[j]);
    read_scatter(p_, j, s_.target[j]);
    read_mean(j, s_.mean[j]);
    const V variance = s_.diagonal[j] / count_;
    V deviation, shift;
    root(variance, deviation);
    size_of(s_.mean[j], shift);
    if (l2_ == 0) s_.good = deviation > rounding * shift ? s_.good : V{};
    root(variance + l2_, s_.scale[j]);
    s_.good = s_.scale[j] > 0 ? s_.good : V{};
    s_.whole[j] = 1.0 / s_.scale[j];
    nothing += 0.0 * s_.target[j] + 0.0 * s_.mean[j] + 0.0 * variance;
  }
  for (Index i = 0; i < p_; ++i) {
    const V share = s_.whole[i] / count_;
    s_.cell[i][i] = V{} + 1.0;
    for (Index j = i + 1; j < p_; ++j) {
      read_scatter(i, j, s_.cell[j][i]);
      nothing += 0.0 * s_.cell[j][i];
      s_.cell[i][j] = s_.cell[j][i] * share * s_.whole[j];
    }
  }
  s_.good = nothing == 0 ? s_.good : V{};
}

unsigned Solver::factor() {
  s_.factor();
  unsigned lanes = 0;
  for (int lane = 0; lane < kL; ++lane) lanes |= s_.good[lane] != 0 ? 1U << lane : 0;
  return lanes;
}

void Solver::solve() {
  s_.factor();
  for (Index j = 0; j < p_; ++j) u_[j] = s_.target[j] / count_ * s_.whole[j];
  s_.forward(u_);
  for (Index j = 0; j < p_; ++j) v_[j] = s_.mean[j] * s_.whole[j];
  s_.forward(v_);
  s_.dot(v_, v_, vv_);
  if (weight_ > 0) {
    V uv;
    s_.dot(u_, v_, uv);
    const V remainder = target_mean_ - uv;
    const V rho = remainder / (1.0 + weight_ * vv_);
    for (Index j = 0; j < p_; ++j) u_[j] += weight_ * rho * v_[j];
  }
  s_.backward(u_);
  for (Index j = 0; j < p_; ++j) theta_[j] = u_[j] * s_.whole[j];

  for (int lane = 0; lane < kL; ++lane) {
    double row[kAlikeFeatures];
    for (Index j = 0; j < p_; ++j) row[j] = theta_[j][lane];
    mean_residual_[lane] = residual(target_mean_[lane], data_.mean_of(system_[lane]), row, p_);
  }
}

// The energy at theta, and how far it is above the minimum; the effect of the rounding of theta is of second order.
void Solver::evaluate() {
  V z[kAlikeFeatures];
  const V mean_gradient = weight_ * mean_residual_;
  V value = target_variance_, correction = mean_gradient * mean_residual_;
  for (Index j = 0; j < p_; ++j) {
    V g = s_.target[j] - s_.diagonal[j] * theta_[j];
    for (Index k = 0; k < j; ++k) g -= s_.cell[j][k] * theta_[k];
    for (Index k = j + 1; k < p_; ++k) g -= s_.cell[k][j] * theta_[k];
    g /= count_;
    value -= theta_[j] * (s_.target[j] / count_);
    correction -= theta_[j] * (g - l2_ * theta_[j]);
    z[j] = (g - l2_ * theta_[j] + mean_gradient * s_.mean[j]) * s_.whole[j];
  }
  value += correction;
  value_ = value > 0 ? value : V{};
  s_.forward(z);
  V zv = {}, along = {}, zz = {};
  if (weight_ > 0) {
    s_.dot(z, v_, zv);
    along = vv_ > 0 ? zv / vv_ : V{};
  }
  for (Index j = 0; j < p_; ++j) {
    const V rest = weight_ > 0 ? z[j] - along * v_[j] : z[j];
    zz += rest * rest;
  }
  zz_ = zz + along * zv / (1.0 + weight_ * vv_);
}

// As MomentError, for moments without earlier errors.
void Solver::set_moment_errors(V& spread) {
  V squares = target_variance_, means = target_mean_ * target_mean_, widest = {};
  spread = V{};
  for (Index j = 0; j < p_; ++j) {
    const V square = theta_[j] * theta_[j], ratio = s_.mean[j] * s_.whole[j];
    widest += s_.diagonal[j] / count_ + s_.mean[j] * s_.mean[j];
    squares += square * (s_.diagonal[j] / count_);
    means += square * s_.mean[j] * s_.mean[j];
    spread += ratio * ratio;
  }
  means += squares;
  // What squares of parameters lose where they underflow must not count.
  s_.good = ((squares > kTiny * widest) | (squares == 0)) ? s_.good : V{};
  squares_ = squares;
  means_ = means;
  root(means, root_means_);
}

// Bounds of the errors of the energy and of the parameters.
void Solver::bound() {
  constexpr double roundoff = std::numeric_limits<double>::epsilon() / 2;
  V spread, smallest, largest, diagonal[kAlikeFeatures], trace = {}, root_zz, size_of_mean_gradient;
  set_moment_errors(spread);
  s_.smallest_eigenvalue(smallest);
  s_.largest_eigenvalue(largest);
  root(largest / smallest, condition_);
  s_.inverse_diagonal(diagonal);
  for (Index j = 0; j < p_; ++j) trace += diagonal[j];
  root(zz_, root_zz);
  const V mean_gradient = weight_ * mean_residual_;
  size_of(mean_gradient, size_of_mean_gradient);
  const auto above = [&](double units, V& sum) {
    const double e = units * roundoff;
    V root_second;
    root((e * e * (1 + shrink_)) * ((squares_ + mean_gradient * mean_gradient * spread) * trace + means_ / 16.0),
         root_second);
    sum = (root_zz + root_second) * (root_zz + root_second);
  };
  const double units = MomentError::expected(p_), expected = units * roundoff;
  above(units, error_);
  above(MomentError::kWorst, gap_);
  error_ += expected * (std::sqrt(2.0) * squares_ + 2.0 * value_ + 0.5 * size_of_mean_gradient * root_means_);
  const V lost = squares_ > 0 ? V{} + Minima::underflow(p_) : V{};
  error_ += lost;
  gap_ += lost;

  for (Index j = 0; j < p_; ++j) {
    root(gap_ * diagonal[j], parameter_error_[j]);
    parameter_error_[j] *= s_.whole[j];
  }
  root(gap_ * (1.0 + vv_), intercept_error_);
  intercept_error_ += MomentError::kWorst / 4 * roundoff * root_means_;
}

// Whether the system needs no pivoting, and nothing has left the range of doubles.
bool Solver::solved(int lane) const {
  double finite = 0 * (value_[lane] + gap_[lane] + error_[lane]);  // else NaN
  for (Index j = 0; j < p_; ++j) finite += 0 * theta_[j][lane];
  return s_.good[lane] != 0 && finite == 0;
}

unsigned Solver::write(const Minima& out) const {
  const Index n = data_.parameters();
  unsigned lanes = 0;
  for (int lane = 0; lane < kL && first_ + lane < data_.systems; ++lane) {
    if (!solved(lane)) continue;
    lanes |= 1U << lane;
    const auto slot = at(first_ + lane);
    double* row = out.parameters.data() + (first_ + lane) * n;
    double* error = out.parameter_error.data() + (first_ + lane) * n;
    for (Index j = 0; j < p_; ++j) row[j] = theta_[j][lane], error[j] = parameter_error_[j][lane];
    if (data_.intercept) row[p_] = mean_residual_[lane] / (1 + shrink_), error[p_] = intercept_error_[lane];
    out.value[slot] = value_[lane];
    out.gap[slot] = gap_[lane];
    out.relative_error[slot] = error_[lane] == 0 ? 0 : error_[lane] / value_[lane];
    out.condition[slot] = condition_[lane];
    out.rank[slot] = p_;
  }
  return lanes;
}

}  // namespace

Index alike_at_once() { return kL; }

unsigned independent_alike(const Moments& data, Index first) {
  Solver solver(data, {}, first);
  solver.read();
  return solver.factor();
}

unsigned solve_alike(const Moments& data, const Penalty& l2, Index first, const Minima& out) {
  Solver solver(data, l2, first);
  solver.read();
  solver.solve();
  solver.evaluate();
  solver.bound();
  return solver.write(out);
}

}  // namespace pyrometer::minimum
