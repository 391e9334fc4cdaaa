// E|R - y| of eight rows under a law with uniform parameters, one row in each lane of a vector register.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/rows/cosine_series.hpp"
#include "pyrometer/energy/rows/vertex_tree.hpp"

namespace pyrometer::energy {

/// Independent parameters of mean 0, and a logistic number that is added to R; see uniform_rows().
struct UniformLaw {
  const double* scale;  ///< standard deviations of the first `normals` parameters, full lengths of the others
  Index normals;
  Index parameters;
  double logistic;  ///< scale of the logistic number; 0 for none
};

/// The rows of one thread, and their results. Each lane is computed by the cosine series, by vertex_tree.hpp where that
/// is cheaper or squares leave the range of a double, or is |y| where R does not reach y.
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
  void choose(const UniformLaw& law, Group& group);
  void truncate(const UniformLaw& law, Group& group) const;
  void by_series(const UniformLaw& law, bool with_slope, Group& group);
  void by_tree(const UniformLaw& law, int lane);
  void slope_by_moments(const UniformLaw& law, int lane);

  std::vector<double> x_;
  std::vector<double> theta_, product_, lengths_;
  VertexTree tree_;
};

}  // namespace pyrometer::energy
