// Activations of whole layers, and sums of squares over units.
#pragma once

#include "pyrometer/base/simd.hpp"
#include "pyrometer/model/activation.hpp"

namespace pyrometer::energy {

/// z becomes phi(z); squares(r) += sum_j z(j, r)^2, or sum_j phi(z(j, r))^2 if `outputs`.
///
/// z         units x kLanes<T>: the pre-activations of kLanes<T> rows of data, unit after unit, aligned to a vector.
/// squares   kLanes<T> sums in double precision.
///
/// Relative error of phi at most 1e-14 in double and 1e-6 in single precision (gelu and silu too, where they are near
/// 0); results below 1e-300 (1e-36) are of that size, not exact. NaN gives NaN. No
/// branches and no tables. Serial; tanh costs about 28 instructions a vector, erf and gelu about 65, relu 3.
template <class T>
using ActivationPass = void (*)(T* z, Index units, bool outputs, double* squares);

template <class T>
[[nodiscard]] ActivationPass<T> activation_pass(model::Activation activation);

extern template ActivationPass<double> activation_pass(model::Activation activation);
extern template ActivationPass<float> activation_pass(model::Activation activation);

}  // namespace pyrometer::energy
