// Second moments of stacks of small systems: one system in each lane of a vector.
#pragma once

#include "pyrometer/data/few.hpp"
#include "pyrometer/data/second_moments.hpp"

namespace pyrometer::data {

/// Whether systems of this shape, without weights, are computed one in each lane: so few rows that their products take
/// less time than what is done once for each system. `columns` includes the target.
inline constexpr Index kSmallRows = 64, kSmallNumbers = 512;
[[nodiscard]] constexpr bool are_small(Index rows, Index columns) {
  return columns <= kFew && rows <= kSmallRows && rows * columns <= kSmallNumbers;
}

/// Systems at a time.
[[nodiscard]] constexpr Index small_at_once() { return base::kLanes<double>; }

/// Writes the moments of `first` and the systems behind it, small_at_once() together, fewer at the end of the stack.
///
/// data      no weights; are_small().
/// first     a multiple of small_at_once().
/// rows      kSmallNumbers vectors of scratch.
/// packed    kFewPacked numbers of scratch, 0 beyond the columns; these stay 0.
/// products  few_sums(columns) numbers of scratch.
/// to        as of second_moments(); other systems are not touched.
///
/// Deviations are those from the mean of all rows, computed from differences to the first row. Products are added in
/// order of rows. The bits of a system do not depend on the others. Serial. Cost of small_at_once() systems, also if
/// there are fewer: that of add_few() of small_at_once() * rows rows, and one scalar load and shuffle a number.
template <class T>
void small_moments(const Stack<T>& data, Index first, double* rows, double* packed, double* products,
                   const MomentsOut& to);

extern template void small_moments(const Stack<double>&, Index, double*, double*, double*, const MomentsOut&);
extern template void small_moments(const Stack<float>&, Index, double*, double*, double*, const MomentsOut&);

}  // namespace pyrometer::data
