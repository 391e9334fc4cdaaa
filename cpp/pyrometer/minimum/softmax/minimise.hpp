// The minimum of the softmax cross entropy over all rows: which method, from which start.
#pragma once

#include <vector>

#include "pyrometer/minimum/softmax/descent.hpp"

namespace pyrometer::minimum {

/// Hessians of more parameters are never computed over all rows.
inline constexpr Index kMostParameters = 1600;

/// From `start`, or 0, a rough minimum over a sample, which has the `last` rows, and its Hessian, then the minimum over
/// all rows.
template <class T>
[[nodiscard]] DescentResult descend(const ClassifiedRows<T>& table, const std::vector<double>& shift, int threads,
                                    Index last = 0, std::vector<double> start = {});

extern template DescentResult descend(const ClassifiedRows<double>&, const std::vector<double>&, int, Index,
                                      std::vector<double>);
extern template DescentResult descend(const ClassifiedRows<float>&, const std::vector<double>&, int, Index,
                                      std::vector<double>);

/// Parameters of the original columns from those of the columns minus `shift`.
[[nodiscard]] std::vector<double> unshifted(std::vector<double> theta, const std::vector<double>& shift, Index columns);

}  // namespace pyrometer::minimum
