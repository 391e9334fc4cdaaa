// The first invalid number of an array.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

enum class Allowed {
  finite,  ///< neither NaN nor infinite
  label,   ///< 0 or 1
};

/// The index of the first x that is not allowed, or -1.
///
/// The same result for every `threads`. Cost: three flops a number, one pass over memory.
template <class T>
[[nodiscard]] Index first_bad(const T* x, Index count, Allowed allowed, int threads);

}  // namespace pyrometer::data
