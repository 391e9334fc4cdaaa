// The first number of an array that must not be there.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

enum class Allowed {
  finite,  ///< neither NaN nor infinite
  label,   ///< 0 or 1
};

/// The index of the first x that is not allowed, or -1.
///
/// The same for every `threads`. At the speed of reading: three flops a number.
template <class T>
[[nodiscard]] Index first_bad(const T* x, Index count, Allowed allowed, int threads);

}  // namespace pyrometer::data
