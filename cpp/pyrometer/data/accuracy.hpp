// Error bounds that accompany second moments.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// Rows of the array, kAccuracy x columns, that accompanies means and scatter. With T the sums of the rows z that were
/// accumulated, M their second moments about any point c, and e = rounded_error + merge_error,
///
///     |error of T(j)|     <= sum_error(j)
///     |error of M(j, k)|  <= sqrt(e(j) e(k)) + sum_error(j) away(k) + away(j) sum_error(k)
///
/// with away(j) the greatest distance of c(j) from the interval [least(j), most(j)]: it contains the means of all
/// blocks of rows whose own sums were rounded. About the mean, M is the scatter. Bounds only grow when blocks are
/// merged or removed.
enum Accuracy : Index {
  kMeanLow,       ///< the mean is mean + mean_low
  kSumError,      ///< not negative; 0 where the sum is exact
  kRounded,       ///< sums of squares rounded in double precision, of the present blocks and of removed ones
  kRoundedError,  ///< bound of the rounding errors of those sums
  kMergeError,    ///< bound of the rounding errors of double-double merges
  kLeast,
  kMost,
  kSmallest,  ///< mean squares of deviations in the smallest part of the rows: see merge_moments
  kAccuracy   ///< their number
};

/// The relative error of one double-double operation.
inline constexpr double kDoubleDoubleUnit = 0x1p-106;

}  // namespace pyrometer::data
