// The mean cross entropy of normal logits.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// Of outputs that are independent N(0, v), for each v: of one logit and two labels, or of as many classes as outputs.
///
///     F(v) = E ln(1 + e^z)        (one output)
///     F(v) = E ln sum_c e^{z_c}   (several: log_sum_exp.hpp)
///
/// slope is dF / d ln s = 2 v F'(v), s = sqrt(v). Errors and cost: those of expectation.hpp and log_sum_exp.hpp.
struct CrossEntropy {
  std::vector<double> value, slope;
};
[[nodiscard]] CrossEntropy cross_entropy(Index outputs, const std::vector<double>& v);

}  // namespace pyrometer::energy
