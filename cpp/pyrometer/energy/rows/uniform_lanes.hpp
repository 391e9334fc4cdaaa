// E|R - y| of eight rows under a law with uniform parameters, one row in each lane of a vector register.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/rows/bounded_sum.hpp"
#include "pyrometer/energy/rows/cosine_series.hpp"
#include "pyrometer/energy/rows/vertex_tree.hpp"

namespace pyrometer::energy {

/// Independent parameters of mean 0, first the normal, then the uniform, then the truncated ones, and a logistic number
/// that is added to R; see uniform_rows().
struct UniformLaw {
  const double* scale;  ///< standard deviations of the normal parameters, full lengths, reaches of the truncated ones
  Index normals;
  Index uniforms;
  Index truncated;
  const TruncatedShape* const* shapes;  ///< of the truncated parameters
  double logistic;                      ///< scale of the logistic number; 0 for none

  [[nodiscard]] Index parameters() const { return normals + uniforms + truncated; }
  /// Where the truncated ones begin.
  [[nodiscard]] Index bounded() const { return normals + uniforms; }
};

/// The rows of one thread, and their results. Each lane is computed by the cosine series, by vertex_tree.hpp or
/// bounded_sum.hpp where that is cheaper or squares leave the range of a double, or is |y| where R does not reach y.
class UniformLanes {
 public:
  static constexpr int kWidth = kSeriesLanes;

  explicit UniformLanes(Index parameters);

  /// |x_ij|, feature-major, the constant feature last.
  [[nodiscard]] double& x(Index j, int lane) { return x_[at(j * kWidth + lane)]; }
  [[nodiscard]] double x(Index j, int lane) const { return x_[at(j * kWidth + lane)]; }
  /// |y_i|.
  double y[kWidth] = {};

  /// Value, slope along the common logarithm of the scales (if requested), and bounds of their errors. A value is
  /// infinite or NaN where the row overflows. Cost: see uniform_rows().
  void evaluate(const UniformLaw& law, bool slope);
  double value[kWidth] = {}, bound[kWidth] = {}, slope[kWidth] = {}, slope_bound[kWidth] = {};

 private:
  struct Group;
  void add_truncated(const UniformLaw& law, Group& group) const;
  void choose(const UniformLaw& law, Group& group);
  void truncate(const UniformLaw& law, Group& group) const;
  void refuse_long(const UniformLaw& law, Group& group) const;
  void by_series(const UniformLaw& law, bool with_slope, Group& group);
  void truncated_series(const UniformLaw& law, Index terms, Group& group);
  void by_tree(const UniformLaw& law, int lane);
  void by_sum(const UniformLaw& law, int lane);
  void slope_by_moments(const UniformLaw& law, int lane);

  std::vector<double> x_;
  std::vector<double> theta_, product_, lengths_;
  VertexTree tree_;
  std::vector<BoundedSum::Part> parts_;
  BoundedSum sum_;
  std::vector<double> spare_;
  std::vector<const TruncatedShape::Rule*> rules_;
};

}  // namespace pyrometer::energy
