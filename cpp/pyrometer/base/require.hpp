// Preconditions of the core: checked once per call, with a message that says what must hold and what came.
#pragma once

#include <cmath>
#include <sstream>
#include <stdexcept>

namespace pyrometer {

/// A number of a message, streamed as nan, inf or -inf where it is not finite: formatted only if the message is, so
/// that it costs nothing to name the number in a condition that holds.
struct Printed {
  double value;
};
inline std::ostream& operator<<(std::ostream& out, Printed number) {
  if (std::isnan(number.value)) return out << "nan";
  if (std::isinf(number.value)) return out << (number.value > 0 ? "inf" : "-inf");
  return out << number.value;
}

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
