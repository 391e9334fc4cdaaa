// Preconditions of the core: checked once per call, with a message that says what must hold and what came.
#pragma once

#include <sstream>
#include <stdexcept>

namespace pyrometer {

/// Throws std::invalid_argument with the streamed `parts` unless `condition` holds.
/// Never std::out_of_range, which pybind11 turns into an IndexError.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (condition) [[likely]]
    return;
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());
}

}  // namespace pyrometer
