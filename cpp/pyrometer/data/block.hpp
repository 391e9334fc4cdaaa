// How many rows are packed together, at every instruction-set level.
#pragma once

#include "pyrometer/base/types.hpp"

namespace pyrometer::data {

/// Rows packed at a time: 8 KB for each panel at AVX-512, so that one panel stays in the L1 cache while the others are
/// streamed.
inline constexpr Index kBlock = 128;

}  // namespace pyrometer::data
