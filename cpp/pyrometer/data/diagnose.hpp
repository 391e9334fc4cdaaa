// Error messages for second moments out of range: which cell or column causes it.
#pragma once

#include "pyrometer/data/second_moments.hpp"

namespace pyrometer::data {

/// Whether a mean or a scatter of one system (p + 1 and (p + 1)^2 numbers) may not be finite, or a column of almost
/// zeros has a scatter so small that squares may have underflowed. Only the diagonal is read: it is not finite if any
/// product is not.
[[nodiscard]] bool suspicious(Index columns, const double* mean, const double* scatter);

/// Searches the rows of one suspicious system and throws std::invalid_argument for the first value that is not finite,
/// in order of rows, or for the first column whose squares overflow or underflow. Returns if there is none; columns of
/// zeros are valid, and constant ones whose own squares do not underflow. Cost: one serial pass over the system.
template <class T>
void diagnose(const Stack<T>& data, Index system, const double* mean, const double* scatter);

extern template void diagnose(const Stack<double>&, Index, const double*, const double*);
extern template void diagnose(const Stack<float>&, Index, const double*, const double*);

}  // namespace pyrometer::data
