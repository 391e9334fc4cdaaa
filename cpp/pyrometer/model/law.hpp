// Laws, the distributions of the random parameters: independent, zero mean, the first ones normal, the others uniform.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::model {

/// A batch of laws over the same parameters. Law b draws
///
///     theta_j ~ N(0, scale(b, j)^2)                     for j <  normals
///     theta_j ~ U[-scale(b, j) / 2, scale(b, j) / 2]    for j >= normals
///
/// scale    batch x parameters, finite, > 0: a standard deviation or a full length.
/// normals  0 .. parameters.
struct LawBatch {
  Matrix scale;
  Index normals = 0;

  [[nodiscard]] Index batch() const { return scale.rows; }
  [[nodiscard]] Index parameters() const { return scale.cols; }
};

}  // namespace pyrometer::model
