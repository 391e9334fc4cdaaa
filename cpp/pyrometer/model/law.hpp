// Laws, the distributions of the random parameters: independent, each of its own family.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "pyrometer/base/require.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::model {

enum class Family { constant, uniform, truncated, normal };

/// The family of a parameter by a number, as bindings pass it: -1, 0, a finite bound > 0, infinity.
[[nodiscard]] inline Family family_of(double bound) {
  if (bound < 0) return Family::constant;
  if (!(bound > 0)) return Family::uniform;
  return bound <= 1.7976931348623157e308 ? Family::truncated : Family::normal;
}

/// A batch of laws over the same parameters. Parameter j of law b is scale(b, j) times a standard number:
///
///     normal     z_j ~ N(0, 1)                         scale: standard deviation
///     truncated  z_j ~ N(0, 1) on [-bound_j, bound_j]  scale: standard deviation before it is truncated
///     uniform    u_j ~ U[-1/2, 1/2]                    scale: full length
///     constant   1                                     scale: the value, of either sign
///
/// scale  batch x parameters, finite; > 0 unless constant.
/// bound  parameters numbers; see family_of().
struct LawBatch {
  Matrix scale;
  std::vector<double> bound;

  LawBatch(Matrix scales, std::vector<double> bounds) : scale(scales), bound(std::move(bounds)) {}
  /// The first `normals` parameters normal, the others uniform.
  LawBatch(Matrix scales, Index normals) : scale(scales), bound(at(scales.cols), 0.0) {
    require(normals >= 0 && normals <= scales.cols, "normals must be from 0 to ", scales.cols, ", got ", normals);
    std::fill_n(bound.begin(), normals, __builtin_inf());
  }

  [[nodiscard]] Index batch() const { return scale.rows; }
  [[nodiscard]] Index parameters() const { return scale.cols; }
  [[nodiscard]] bool has_constants() const {
    for (const double b : bound)
      if (family_of(b) == Family::constant) return true;
    return false;
  }
};

/// Throws unless there is one family for each of `parameters` parameters.
inline void require_families(const LawBatch& law, Index parameters) {
  require(static_cast<Index>(law.bound.size()) == parameters, "bound must have ", parameters, " numbers, got ",
          law.bound.size());
  for (const double b : law.bound) require(b == b, "bound must be -1, 0, > 0 or infinity, got nan");
}

}  // namespace pyrometer::model
