#include "pyrometer/energy/rows/uniform_lanes.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/energy/rows/symmetric_sum.hpp"
#include "pyrometer/energy/rows/truncated_series.hpp"

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
  double frequency[kWidth] = {};      // of the truncation
  double truncated_sum[kWidth] = {};  // of the reaches of truncated parameters
  SeriesRows rows;
};

UniformLanes::UniformLanes(Index parameters)
    : x_(at(parameters * kWidth)), theta_(at((parameters + 4) * kWidth)), product_(at(kMostTerms * kWidth)) {}

void UniformLanes::evaluate(const UniformLaw& law, bool with_slope) {
  Group group;
  group.rows.logistic = law.logistic;
  row_sums(x_.data(), law.scale, law.normals, group.normal);
  row_sums(x_.data() + law.normals * kWidth, law.scale + law.normals, law.uniforms, group.uniform);
  if (law.truncated > 0) add_truncated(law, group);
  choose(law, group);
  truncate(law, group);
  by_series(law, with_slope, group);
  for (int lane = 0; lane < kWidth; ++lane) {
    if (group.tree[lane]) law.truncated > 0 || group.rows.shifted ? by_sum(law, lane) : by_tree(law, lane);
    const double most = group.reach[lane].support + kNormalReach * std::sqrt(group.normal.squares[lane]);
    if (with_slope && law.logistic > 0 && most <= kNarrow && y[lane] == 0) slope_by_moments(law, lane);
  }
}

// Adds reaches and variances of truncated parameters to those of uniform ones, whose squares are 12 variances.
void UniformLanes::add_truncated(const UniformLaw& law, Group& group) const {
  for (Index j = law.bounded(); j < law.parameters(); ++j) {
    const double variance = 12.0 * law.shapes[j - law.bounded()]->variance();
    for (int lane = 0; lane < kWidth; ++lane) {
      const double reach = law.scale[j] * x(j, lane);
      group.truncated_sum[lane] += reach;
      group.uniform.squares[lane] += variance * reach * reach;
    }
  }
}

// Chooses the method of every lane, and sets the values of those whose R does not reach y.
void UniformLanes::choose(const UniformLaw& law, Group& group) {
  const bool at_most_three = law.parameters() - law.normals <= 3 && law.normals == 0 && law.logistic <= 0;
  SeriesRows& rows = group.rows;
  rows.shifted = law.logistic > 0 && std::any_of(y, y + kWidth, [](double each) { return each != 0; });
  for (int lane = 0; lane < kWidth; ++lane) {
    const double uniform = group.uniform.squares[lane] / 12.0, normal = group.normal.squares[lane];
    const double variance = uniform + normal, support = 0.5 * group.uniform.sum[lane] + group.truncated_sum[lane];
    const Reach& sum = group.reach[lane] = {uniform, support, std::sqrt(normal), law.logistic};
    group.tree[lane] = at_most_three || !(variance > kSmall && variance < kLarge);
    group.series[lane] = false;
    rows.period[lane] = 1, rows.y[lane] = 0, rows.deviation[lane] = 0;
    // A logistic variable has a tail also where R is 0.
    const double point = group.tree[lane] && law.logistic <= 0 ? HUGE_VAL : quick_tail_point(sum);
    if (y[lane] >= point) {
      group.tree[lane] = false;
      value[lane] = y[lane];
      bound[lane] = kCut * y[lane];
      slope[lane] = 0;
      const bool beyond = law.normals == 0 && law.logistic <= 0 && y[lane] >= support;
      slope_bound[lane] = beyond ? 0 : bound[lane];
      continue;
    }
    if (group.tree[lane]) continue;
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
    envelope(x_.data() + law.normals * kWidth, law.scale + law.normals, law.uniforms, half_t, bounds);
    if (law.truncated > 0)
      truncated_envelope(x_.data() + law.bounded() * kWidth, law.scale + law.bounded(), law.shapes, law.truncated,
                         half_t, bounds);
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
  if (law.truncated > 0) refuse_long(law, group);
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
    angles(x_.data() + law.normals * kWidth, law.scale + law.normals, law.uniforms, step, theta_.data());
    sinc_products(theta_.data(), (law.uniforms + 3) / 4 * 4, terms, product_.data());
    if (law.truncated > 0) truncated_series(law, terms, group);
    cosine_series(product_.data(), terms, with_slope, rows);
  }
  for (int lane = 0; lane < kWidth; ++lane) {
    if (!group.series[lane]) continue;
    value[lane] = rows.value[lane];
    slope[lane] = rows.slope[lane];
    bound[lane] = 2.0 * kCut * group.reach[lane].scale(y[lane]) +
                  kUnit * static_cast<double>(16 + 6 * law.parameters()) * rows.period[lane];
    slope_bound[lane] = static_cast<double>(1 + terms) * bound[lane];
  }
}

// Lanes in which a truncated parameter has frequencies beyond those of its Gauss rules.
void UniformLanes::refuse_long(const UniformLaw& law, Group& group) const {
  for (Index j = law.bounded(); j < law.parameters(); ++j) {
    const double last = law.shapes[j - law.bounded()]->last_reach();
    for (int lane = 0; lane < kWidth; ++lane)
      if (group.series[lane] &&
          law.scale[j] * x(j, lane) * (group.frequency[lane] + 2 * kPi / group.rows.period[lane]) > last) {
        group.tree[lane] = true;
        group.series[lane] = false;
      }
  }
}

// Multiplies the products by the transforms of the truncated parameters. Beyond its own terms a lane gets zeros: its
// parameters may have frequencies there that no rule is for.
void UniformLanes::truncated_series(const UniformLaw& law, Index terms, Group& group) {
  const SeriesRows& rows = group.rows;
  alignas(64) double step[kWidth];
  Index own[kWidth];
  for (int lane = 0; lane < kWidth; ++lane) {
    step[lane] = group.series[lane] ? kPi / rows.period[lane] : 0.0;
    own[lane] = static_cast<Index>(std::ceil(0.5 * (group.frequency[lane] * rows.period[lane] / kPi - 1.0)));
  }
  angles(x_.data() + law.bounded() * kWidth, law.scale + law.bounded(), law.truncated, step, theta_.data());
  rules_.resize(at(law.truncated));
  for (Index j = 0; j < law.truncated; ++j) {
    double most = 0;
    for (int lane = 0; lane < kWidth; ++lane)
      if (group.series[lane])
        most = std::max(most, theta_[at(j * kWidth + lane)] * static_cast<double>(2 * own[lane] - 1));
    rules_[at(j)] = &law.shapes[j]->rule(most);
  }
  spare_.resize(product_.size());
  truncated_products(theta_.data(), rules_.data(), law.truncated, terms, spare_.data(), product_.data());
  for (int lane = 0; lane < kWidth; ++lane)
    for (Index i = std::max<Index>(0, own[lane]); group.series[lane] && i < terms; ++i)
      product_[at(i * kWidth + lane)] = 0;
}

void UniformLanes::by_sum(const UniformLaw& law, int lane) {
  static const std::shared_ptr<const TruncatedShape> uniform = TruncatedShape::of(0);
  double s = 0;
  for (Index j = 0; j < law.normals; ++j) s = std::hypot(s, law.scale[j] * x(j, lane));
  bool finite = std::isfinite(s);
  parts_.clear();
  for (Index j = law.normals; j < law.parameters(); ++j) {
    const double width = law.scale[j] * x(j, lane);
    parts_.push_back(j < law.bounded() ? BoundedSum::Part{0.5 * width, uniform.get()}
                                       : BoundedSum::Part{width, law.shapes[j - law.bounded()]});
    finite &= std::isfinite(width);
  }
  if (!finite) {
    value[lane] = HUGE_VAL;
    return;
  }
  const SumValue result = sum_.mean_absolute(y[lane], parts_, s, law.logistic);
  value[lane] = result.value;
  bound[lane] = result.bound;
  slope[lane] = result.slope;
  slope_bound[lane] = result.slope_bound;
}

void UniformLanes::by_tree(const UniformLaw& law, int lane) {
  double s = 0;
  for (Index j = 0; j < law.normals; ++j) s = std::hypot(s, law.scale[j] * x(j, lane));
  lengths_.clear();
  bool finite = std::isfinite(s);
  for (Index j = law.normals; j < law.parameters(); ++j) {
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
  for (Index j = law.normals; j < law.bounded(); ++j) {
    const double length = law.scale[j] * x(j, lane), square = length * length;
    const double fourth = square * square;
    k2 += square / 12;
    k4 -= fourth / 120;
    k6 += fourth * square / 252;
    k8 -= fourth * fourth / 240;
    k10 += fourth * fourth * square / 132;
  }
  for (Index j = law.bounded(); j < law.parameters(); ++j) {
    const TruncatedShape& shape = *law.shapes[j - law.bounded()];
    const double reach = law.scale[j] * x(j, lane), square = reach * reach;
    double power = square;
    k2 += power * shape.cumulant(0);
    k4 += (power *= square) * shape.cumulant(1);
    k6 += (power *= square) * shape.cumulant(2);
    k8 += (power *= square) * shape.cumulant(3);
    k10 += (power * square) * shape.cumulant(4);
  }
  const double m2 = k2, m4 = 3 * k2 * m2 + k4, m6 = 5 * k2 * m4 + 10 * k4 * m2 + k6;
  const double m8 = 7 * k2 * m6 + 35 * k4 * m4 + 21 * k6 * m2 + k8;
  const double m10 = 9 * k2 * m8 + 84 * k4 * m6 + 126 * k6 * m4 + 36 * k8 * m2 + k10;
  slope[lane] = m2 / 2 - m4 / 24 + m6 / 240 - m8 * 17 / 40320 + m10 * 31 / 725760;
  slope_bound[lane] = kUnit * static_cast<double>(16 + law.parameters()) * slope[lane];
}

}  // namespace pyrometer::energy
