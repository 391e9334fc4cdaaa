#include "pyrometer/energy/rows/uniform_lanes.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/energy/rows/symmetric_sum.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr Index kMostTerms = 384;
constexpr double kSmall = 1e-280, kLarge = 1e280;
// Slopes of rows whose |R| stays below, or of 12 deviations of its normal part, come from moments.
constexpr double kNarrow = 0.1, kNormalReach = 12;
// Errors of slopes by the tree over those of its values.
constexpr double kTreeSlope = 64;

}  // namespace

// Eight rows under one law: the sums of their terms, and how each lane is computed.
struct UniformLanes::Group {
  RowSums normal, uniform;
  Reach reach[kWidth];
  bool tree[kWidth], series[kWidth];
  // Of lanes with a series: where its truncation is searched from, and how far the envelope must have decayed (log).
  double first[kWidth], decay[kWidth];
  double frequency[kWidth] = {};  // of the truncation
  SeriesRows rows;
};

UniformLanes::UniformLanes(Index parameters)
    : x_(at(parameters * kWidth)), theta_(at((parameters + 4) * kWidth)), product_(at(kMostTerms * kWidth)) {}

void UniformLanes::evaluate(const UniformLaw& law, bool with_slope) {
  Group group;
  group.rows.logistic = law.logistic;
  row_sums(x_.data(), law.scale, law.normals, group.normal);
  row_sums(x_.data() + law.normals * kWidth, law.scale + law.normals, law.parameters - law.normals, group.uniform);
  choose(law, group);
  truncate(law, group);
  by_series(law, with_slope, group);
  for (int lane = 0; lane < kWidth; ++lane) {
    if (group.tree[lane]) by_tree(law, lane);
    const double most = 0.5 * group.uniform.sum[lane] + kNormalReach * std::sqrt(group.normal.squares[lane]);
    if (with_slope && law.logistic > 0 && most <= kNarrow) slope_by_moments(law, lane);
  }
}

// Chooses the method of every lane, and sets the values of those whose R does not reach y.
void UniformLanes::choose(const UniformLaw& law, Group& group) {
  const bool few = law.parameters - law.normals <= 3 && law.normals == 0 && law.logistic <= 0;
  SeriesRows& rows = group.rows;
  for (int lane = 0; lane < kWidth; ++lane) {
    const double uniform = group.uniform.squares[lane] / 12.0, normal = group.normal.squares[lane];
    const double variance = uniform + normal, support = 0.5 * group.uniform.sum[lane];
    const Reach& sum = group.reach[lane] = {uniform, support, std::sqrt(normal), law.logistic};
    group.tree[lane] = few || !(variance > kSmall && variance < kLarge);
    group.series[lane] = false;
    rows.period[lane] = 1, rows.y[lane] = 0, rows.deviation[lane] = 0;
    if (group.tree[lane]) continue;
    const double point = quick_tail_point(sum);
    if (y[lane] >= point) {
      value[lane] = y[lane];
      bound[lane] = kCut * y[lane];
      slope[lane] = 0;
      const bool beyond = law.normals == 0 && law.logistic <= 0 && y[lane] >= support;
      slope_bound[lane] = beyond ? 0 : bound[lane];
      continue;
    }
    group.series[lane] = true;
    rows.period[lane] = std::max(y[lane] + point, group.uniform.largest[lane]);
    rows.y[lane] = y[lane];
    rows.deviation[lane] = sum.deviation;
    group.first[lane] = std::max(first_frequency(sum, 28.0), 3.0 * kPi / rows.period[lane]);
    // The tail beyond frequency t is below (2 P / pi^2) envelope / (t P / pi - 2) < 6 envelope / (pi t) for t P >= 3
    // pi.
    group.decay[lane] = -kLogCut + log_above(6.0 / (kPi * group.first[lane] * sum.scale(y[lane])));
  }
}

// The truncation frequencies: increased until the tail is negligible in every lane, or the tree is cheaper.
void UniformLanes::truncate(const UniformLaw& law, Group& group) const {
  bool searching[kWidth];
  std::copy_n(group.series, kWidth, searching);
  bool any = std::any_of(searching, searching + kWidth, [](bool b) { return b; });
  alignas(64) double half_t[kWidth];
  for (double factor = 1.0; any; factor *= factor < 2 ? 1.15 : 1.3) {
    for (int lane = 0; lane < kWidth; ++lane) half_t[lane] = searching[lane] ? 0.5 * factor * group.first[lane] : 0.0;
    Envelope bounds;
    envelope(x_.data() + law.normals * kWidth, law.scale + law.normals, law.parameters - law.normals, half_t, bounds);
    any = false;
    for (int lane = 0; lane < kWidth; ++lane) {
      if (!searching[lane]) continue;
      const double t = 2.0 * half_t[lane], s = t * group.reach[lane].deviation;
      const double decay =
          bounds.gaussian[lane] / 6.0 + 0.5 * s * s - log_logistic(law.logistic, t) + log_below(bounds.inverse[lane]);
      if (t * group.rows.period[lane] > 2.0 * kPi * kMostTerms) {
        group.tree[lane] = true;
        group.series[lane] = searching[lane] = false;
      } else if (decay >= group.decay[lane]) {
        group.frequency[lane] = t;
        searching[lane] = false;
      }
      any |= searching[lane];
    }
  }
}

void UniformLanes::by_series(const UniformLaw& law, bool with_slope, Group& group) {
  const Index uniforms = law.parameters - law.normals;
  SeriesRows& rows = group.rows;
  Index terms = 0;
  for (int lane = 0; lane < kWidth; ++lane)
    if (group.series[lane]) {
      const double count = std::ceil(0.5 * (group.frequency[lane] * rows.period[lane] / kPi - 1.0));
      terms = std::max(terms, static_cast<Index>(count));
    }
  if (terms > 0) {
    alignas(64) double step[kWidth];
    for (int lane = 0; lane < kWidth; ++lane) step[lane] = group.series[lane] ? kPi / (2.0 * rows.period[lane]) : 0.0;
    angles(x_.data() + law.normals * kWidth, law.scale + law.normals, uniforms, step, theta_.data());
    sinc_products(theta_.data(), (uniforms + 3) / 4 * 4, terms, product_.data());
    cosine_series(product_.data(), terms, with_slope, rows);
  }
  for (int lane = 0; lane < kWidth; ++lane) {
    if (!group.series[lane]) continue;
    value[lane] = rows.value[lane];
    slope[lane] = rows.slope[lane];
    bound[lane] = 2.0 * kCut * group.reach[lane].scale(y[lane]) +
                  kUnit * static_cast<double>(16 + 6 * law.parameters) * rows.period[lane];
    slope_bound[lane] = static_cast<double>(1 + terms) * bound[lane];
  }
}

void UniformLanes::by_tree(const UniformLaw& law, int lane) {
  double s = 0;
  for (Index j = 0; j < law.normals; ++j) s = std::hypot(s, law.scale[j] * x(j, lane));
  lengths_.clear();
  bool finite = std::isfinite(s);
  for (Index j = law.normals; j < law.parameters; ++j) {
    lengths_.push_back(law.scale[j] * x(j, lane));
    finite &= std::isfinite(lengths_.back());
  }
  if (!finite) {
    value[lane] = HUGE_VAL;
    return;
  }
  double support = 0;
  for (const double length : lengths_) support += 0.5 * length;
  const TreeValue result = tree_.mean_absolute(y[lane], lengths_, s, law.logistic);
  value[lane] = result.value;
  bound[lane] = result.bound;
  slope[lane] = result.slope;
  slope_bound[lane] = s == 0 && law.logistic <= 0 && y[lane] >= support ? 0 : kTreeSlope * result.bound;
}

// E R tanh(R/2), the slope of E|R + G|, from the moments of R: to the last digits for |R| <= kNarrow, where a
// difference of energies has none left. Moments follow from cumulants, which add up over parameters: B_2k / (2k) L^2k
// of a uniform number of length L. 10 flops a parameter.
void UniformLanes::slope_by_moments(const UniformLaw& law, int lane) {
  double k2 = 0, k4 = 0, k6 = 0, k8 = 0, k10 = 0;
  for (Index j = 0; j < law.normals; ++j) {
    const double s = law.scale[j] * x(j, lane);
    k2 += s * s;
  }
  for (Index j = law.normals; j < law.parameters; ++j) {
    const double length = law.scale[j] * x(j, lane), square = length * length;
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
  slope[lane] = m2 / 2 - m4 / 24 + m6 / 240 - m8 * 17 / 40320 + m10 * 31 / 725760;
  slope_bound[lane] = kUnit * static_cast<double>(16 + law.parameters) * slope[lane];
}

}  // namespace pyrometer::energy
