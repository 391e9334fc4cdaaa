// Preconditions of the core: checked once per call, with a message that says what must hold and what came.
#pragma once

#include <concepts>
#include <initializer_list>
#include <iosfwd>
#include <stdexcept>
#include <string_view>

namespace pyrometer {

/// A number of a message; nan, inf or -inf where it is not finite. It is formatted only if the message is, so that it
/// costs nothing to name the number in a condition that holds.
struct Printed {
  double value;
};

/// A part of a message: text, a whole number, or a Printed one. Valid as long as what it was made of.
class MessagePart {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  MessagePart(const char* text) : text_(text), kind_(Kind::text) {}
  MessagePart(std::string_view text) : text_(text), kind_(Kind::text) {}
  MessagePart(std::integral auto number) : whole_(static_cast<long long>(number)), kind_(Kind::whole) {}
  MessagePart(double number) : number_(number), kind_(Kind::number) {}
  MessagePart(Printed number) : MessagePart(number.value) {}
  // NOLINTEND(google-explicit-constructor)

  void print(std::ostream& out) const;

 private:
  enum class Kind { text, whole, number };
  union {
    std::string_view text_;
    long long whole_;
    double number_;
  };
  Kind kind_;
};

/// Throws std::invalid_argument with the parts as its message.
/// Never std::out_of_range, which pybind11 turns into an IndexError.
[[noreturn]] void refuse(std::initializer_list<MessagePart> parts);

/// Calls refuse() unless `condition` holds.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    refuse({MessagePart(parts)...});
}

}  // namespace pyrometer
