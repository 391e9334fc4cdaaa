#include "pyrometer/energy/rows/uniform_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/cosine_series.hpp"
#include "pyrometer/energy/rows/vertex_tree.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int kWidth = kSeriesLanes;
constexpr Index kMostTerms = 384;
constexpr Index kChunkFlops = 1 << 22;
constexpr double kSmall = 1e-280, kLarge = 1e280;
// Slopes of rows whose |R| stays below, or of 12 deviations of its normal part, come from moments.
constexpr double kNarrow = 0.1, kNormalReach = 12;
// Errors of slopes by the tree over those of its values.
constexpr double kTreeSlope = 64;

// Compensated summation (Neumaier 1974).
struct Sum {
  double sum = 0, lost = 0;
  void add(double x) {
    const double t = sum + x;
    lost += std::fabs(sum) >= std::fabs(x) ? (sum - t) + x : (x - t) + sum;
    sum = t;
  }
  [[nodiscard]] double total() const { return sum + lost; }
};

struct Sums {
  Sum value, bound, slope, slope_bound;
};

// The workspace of one thread: eight rows, one in each lane.
struct Scratch {
  std::vector<double> x;  // |x_ij|, feature-major, the constant feature last
  std::vector<double> theta, product, lengths;
  VertexTree tree;
  double y[kWidth], value[kWidth], bound[kWidth], slope[kWidth], slope_bound[kWidth];

  explicit Scratch(Index parameters)
      : x(at(parameters * kWidth)), theta(at((parameters + 4) * kWidth)), product(at(kMostTerms * kWidth)) {}
};

struct Law {
  const double* scale;
  Index normals, parameters;
  double logistic;
};

// By vertex_tree.hpp, for rows whose series would be long or whose squares leave the range of a double.
void by_tree(const Law& law, int lane, Scratch& work) {
  double s = 0;
  for (Index j = 0; j < law.normals; ++j) s = std::hypot(s, law.scale[j] * work.x[at(j * kWidth + lane)]);
  work.lengths.clear();
  bool finite = std::isfinite(s);
  for (Index j = law.normals; j < law.parameters; ++j) {
    work.lengths.push_back(law.scale[j] * work.x[at(j * kWidth + lane)]);
    finite &= std::isfinite(work.lengths.back());
  }
  if (!finite) {
    work.value[lane] = HUGE_VAL;
    return;
  }
  double reach = 0;
  for (const double length : work.lengths) reach += 0.5 * length;
  const TreeValue result = work.tree.mean_absolute(work.y[lane], work.lengths, s, law.logistic);
  work.value[lane] = result.value;
  work.bound[lane] = result.bound;
  work.slope[lane] = result.slope;
  const bool beyond = s == 0 && law.logistic <= 0 && work.y[lane] >= reach;
  work.slope_bound[lane] = beyond ? 0 : kTreeSlope * result.bound;
}

// E R tanh(R/2), the slope of E|R + G|, from the moments of R: to the last digits for |R| <= kNarrow, where a
// difference of energies has none left. Moments follow from cumulants, which add up over parameters: B_2k / (2k) L^2k
// of a uniform number of length L. 10 flops a parameter.
void by_moments(const Law& law, int lane, Scratch& work) {
  double k2 = 0, k4 = 0, k6 = 0, k8 = 0, k10 = 0;
  for (Index j = 0; j < law.normals; ++j) {
    const double s = law.scale[j] * work.x[at(j * kWidth + lane)];
    k2 += s * s;
  }
  for (Index j = law.normals; j < law.parameters; ++j) {
    const double length = law.scale[j] * work.x[at(j * kWidth + lane)], square = length * length;
    const double fourth = square * square;
    k2 += square / 12;
    k4 -= fourth / 120;
    k6 += fourth * square / 252;
    k8 -= fourth * fourth / 240;
    k10 += fourth * fourth * square / 132;
  }
  const double m2 = k2, m4 = 3 * k2 * m2 + k4, m6 = 5 * k2 * m4 + 10 * k4 * m2 + k6;
  const double m8 = 7 * k2 * m6 + 35 * k4 * m4 + 21 * k6 * m2 + k8;
  const double m10 = 9 * k2 * m8 + 84 * k4 * m6 + 126 * k6 * m4 + 36 * k8 * m2 + k10;
  work.slope[lane] = m2 / 2 - m4 / 24 + m6 / 240 - m8 * 17 / 40320 + m10 * 31 / 725760;
  work.slope_bound[lane] = kUnit * static_cast<double>(16 + law.parameters) * work.slope[lane];
}

// E|R - y| for the eight rows.
void evaluate(const Law& law, bool slope, Scratch& work) {
  const Index uniforms = law.parameters - law.normals;
  const double *x = work.x.data() + law.normals * kWidth, *length = law.scale + law.normals;
  RowSums normal, uniform;
  row_sums(work.x.data(), law.scale, law.normals, normal);
  row_sums(x, length, uniforms, uniform);

  SeriesRows rows;
  rows.logistic = law.logistic;
  Reach reach[kWidth];
  double frequency[kWidth], first[kWidth], depth[kWidth];
  bool open[kWidth], tree[kWidth];
  alignas(64) double half_t[kWidth];
  const bool few = uniforms <= 3 && law.normals == 0 && law.logistic <= 0;
  for (int lane = 0; lane < kWidth; ++lane) {
    const double v = uniform.squares[lane] / 12.0 + normal.squares[lane], y = work.y[lane];
    const Reach& sum = reach[lane] = {uniform.squares[lane] / 12.0, 0.5 * uniform.sum[lane],
                                      std::sqrt(normal.squares[lane]), law.logistic};
    tree[lane] = few || !(v > kSmall && v < kLarge);
    open[lane] = false;
    rows.period[lane] = 1, rows.y[lane] = 0, rows.deviation[lane] = 0;
    frequency[lane] = half_t[lane] = 0;
    if (tree[lane]) continue;
    const double point = quick_tail_point(sum);
    if (y >= point) {
      work.value[lane] = y;
      work.bound[lane] = kCut * y;
      work.slope[lane] = 0;
      const bool beyond = law.normals == 0 && law.logistic <= 0 && y >= 0.5 * uniform.sum[lane];
      work.slope_bound[lane] = beyond ? 0 : work.bound[lane];
      continue;
    }
    open[lane] = true;
    const double period = std::max(y + point, uniform.largest[lane]);
    rows.period[lane] = period;
    rows.y[lane] = y;
    rows.deviation[lane] = sum.deviation;
    first[lane] = std::max(first_frequency(sum, 28.0), 3.0 * kPi / period);
    // The tail beyond frequency t is below (2 P / pi^2) envelope / (t P / pi - 2) < 6 envelope / (pi t) for t P >= 3
    // pi.
    depth[lane] = -kLogCut + log_above(6.0 / (kPi * first[lane] * sum.scale(y)));
  }

  // The truncation frequency: increased until the tail is negligible in every lane, or the tree is cheaper.
  const bool candidates = std::any_of(open, open + kWidth, [](bool b) { return b; });
  bool searching[kWidth];
  std::copy_n(open, kWidth, searching);
  double factor = 1.0;
  for (bool any = candidates; any; factor *= factor < 2 ? 1.15 : 1.3) {
    for (int lane = 0; lane < kWidth; ++lane) half_t[lane] = searching[lane] ? 0.5 * factor * first[lane] : 0.0;
    Envelope bounds;
    envelope(x, length, uniforms, half_t, bounds);
    any = false;
    for (int lane = 0; lane < kWidth; ++lane) {
      if (!searching[lane]) continue;
      const double t = 2.0 * half_t[lane], s = t * reach[lane].deviation;
      const double decay =
          bounds.gaussian[lane] / 6.0 + 0.5 * s * s - log_logistic(law.logistic, t) + log_below(bounds.inverse[lane]);
      if (t * rows.period[lane] > 2.0 * kPi * kMostTerms) {
        tree[lane] = true;
        open[lane] = searching[lane] = false;
      } else if (decay >= depth[lane]) {
        frequency[lane] = t;
        searching[lane] = false;
      }
      any |= searching[lane];
    }
  }

  Index terms = 0;
  for (int lane = 0; lane < kWidth; ++lane)
    if (open[lane]) {
      const double count = std::ceil(0.5 * (frequency[lane] * rows.period[lane] / kPi - 1.0));
      terms = std::max(terms, static_cast<Index>(count));
    }
  if (terms > 0) {
    alignas(64) double step[kWidth];
    for (int lane = 0; lane < kWidth; ++lane) step[lane] = open[lane] ? kPi / (2.0 * rows.period[lane]) : 0.0;
    angles(x, length, uniforms, step, work.theta.data());
    sinc_products(work.theta.data(), (uniforms + 3) / 4 * 4, terms, work.product.data());
    cosine_series(work.product.data(), terms, slope, rows);
  }
  for (int lane = 0; lane < kWidth; ++lane) {
    if (tree[lane]) by_tree(law, lane, work);
    if (open[lane]) {
      work.value[lane] = rows.value[lane];
      work.slope[lane] = rows.slope[lane];
      work.bound[lane] = 2.0 * kCut * reach[lane].scale(work.y[lane]) +
                         kUnit * static_cast<double>(16 + 6 * law.parameters) * rows.period[lane];
      work.slope_bound[lane] = static_cast<double>(1 + terms) * work.bound[lane];
    }
    const double most = 0.5 * uniform.sum[lane] + kNormalReach * std::sqrt(normal.squares[lane]);
    if (slope && law.logistic > 0 && most <= kNarrow) by_moments(law, lane, work);
  }
}

// Rows first .. first + count - 1 into lanes; the lanes beyond repeat the last row.
template <class T>
void transpose(const T* X, const T* y, Index count, Index features, bool intercept, Scratch& work) {
  for (int lane = 0; lane < kWidth; ++lane) {
    const Index row = std::min<Index>(lane, count - 1);
    for (Index j = 0; j < features; ++j)
      work.x[at(j * kWidth + lane)] = std::fabs(static_cast<double>(X[row * features + j]));
    if (intercept) work.x[at(features * kWidth + lane)] = 1.0;
    work.y[lane] = y ? std::fabs(static_cast<double>(y[row])) : 0.0;
  }
}

// Throws, naming the cell, for a row whose energy is infinite or NaN.
template <class T>
void diagnose(const T* x, Index features, Index row) {
  for (Index j = 0; j < features; ++j)
    require(std::isfinite(x[j]), "X must be finite, got ", x[j], " at row ", row, ", column ", j);
  require(false, "the energy must be below 1.8e308, got an overflow at row ", row,
          "; use a smaller scale or rescale the features");
}

}  // namespace

template <class T>
void uniform_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                  Matrix scale, Index normals, int threads, double* mean, double* bound, double* slope,
                  double* slope_bound) {
  const Index parameters = features + intercept, laws = scale.rows;
  require(rows > 0, "X must have at least one row");
  require(scale.cols == parameters, "scale must have ", parameters, " columns, got ", scale.cols);
  require(normals >= 0 && normals <= parameters, "normals must be from 0 to ", parameters, ", got ", normals);
  for (Index i = 0; i < scale.size(); ++i)
    require(std::isfinite(scale.data[i]) && scale.data[i] >= 0, "scale must be finite and not negative, got ",
            scale.data[i], " at law ", i / parameters, ", parameter ", i % parameters);
  const bool entropy = loss == RowLoss::cross_entropy;
  const Index work_size = std::max<Index>(1, (parameters + 10) * 50 * laws);
  const base::Chunks chunks{rows, std::clamp<Index>(kChunkFlops / work_size / kWidth, 1, 512) * kWidth};
  const Index tasks = systems * chunks.number();
  std::vector<Sums> partial(at(tasks * laws));
  std::vector<Scratch> scratches(at(base::worker_count(tasks, threads)), Scratch(parameters));

  base::for_each_chunk(tasks, threads, [&](Index task, int worker) {
    Scratch& work = scratches[at(worker)];
    const Index system = task / chunks.number(), chunk = task % chunks.number();
    for (Index first = chunks.begin(chunk); first < chunks.end(chunk); first += kWidth) {
      const Index count = std::min<Index>(kWidth, chunks.end(chunk) - first), row = system * rows + first;
      const T* targets = loss == RowLoss::absolute ? y + row : nullptr;
      for (Index i = 0; targets && i < count; ++i)
        require(std::isfinite(targets[i]), "y must be finite, got ", targets[i], " at row ", first + i);
      transpose(X + row * features, targets, count, features, intercept, work);
      for (Index law = 0; law < laws; ++law) {
        evaluate({scale.row(law), normals, parameters, entropy ? 1.0 : 0.0}, slope != nullptr, work);
        Sums& sums = partial[at(task * laws + law)];
        for (Index lane = 0; lane < count; ++lane) {
          if (!std::isfinite(work.value[lane])) [[unlikely]]
            diagnose(X + (row + lane) * features, features, first + lane);
          sums.value.add(work.value[lane]);
          sums.bound.add(work.bound[lane]);
          sums.slope.add(work.slope[lane]);
          sums.slope_bound.add(work.slope_bound[lane]);
        }
      }
    }
  });

  const double share = (entropy ? 0.5 : 1.0) / static_cast<double>(rows);
  for (Index system = 0; system < systems; ++system)
    for (Index law = 0; law < laws; ++law) {
      Sums all;
      for (Index chunk = 0; chunk < chunks.number(); ++chunk) {
        const Sums& sums = partial[at((system * chunks.number() + chunk) * laws + law)];
        all.value.add(sums.value.total());
        all.bound.add(sums.bound.total());
        all.slope.add(sums.slope.total());
        all.slope_bound.add(sums.slope_bound.total());
      }
      const Index cell = system * laws + law;
      mean[cell] = all.value.total() * share;
      require(std::isfinite(mean[cell]),
              "the energy must be below 1.8e308, got an overflow in the sum over rows of law ", law,
              "; use a smaller scale or rescale the features");
      bound[cell] = all.bound.total() * share + 4.0 * kUnit * mean[cell];
      if (!slope) continue;
      slope[cell] = all.slope.total() * share;
      slope_bound[cell] = all.slope_bound.total() * share + 4.0 * kUnit * std::fabs(slope[cell]);
    }
}

template void uniform_rows<double>(const double*, const double*, Index, Index, Index, bool, RowLoss, Matrix, Index, int,
                                   double*, double*, double*, double*);
template void uniform_rows<float>(const float*, const float*, Index, Index, Index, bool, RowLoss, Matrix, Index, int,
                                  double*, double*, double*, double*);

}  // namespace pyrometer::energy
