// What moments say of their own errors.
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
/// blocks of rows whose own sums were rounded. About the mean, M is the scatter. Errors only add when blocks are merged
/// or taken out, so nothing that was lost is forgotten.
enum Accuracy : Index {
  kMeanLow,       ///< the mean is mean + mean_low
  kSumError,      ///< not negative; 0 where the sum is exact
  kRounded,       ///< sums of squares that were rounded in double precision: those that are left, and those taken out
  kRoundedError,  ///< what that may have done if all roundings had one sign
  kMergeError,    ///< of sums of two doubles
  kLeast,
  kMost,
  kAccuracy  ///< their number
};

/// Of one rounded operation in sums of two doubles.
inline constexpr double kUnitOfPairs = 0x1p-106;

}  // namespace pyrometer::data
