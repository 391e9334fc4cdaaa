#include "pyrometer/base/require.hpp"

#include <cmath>
#include <sstream>

namespace pyrometer {

void MessagePart::print(std::ostream& out) const {
  switch (kind_) {
    case Kind::text:
      out << text_;
      return;
    case Kind::whole:
      out << whole_;
      return;
    case Kind::number:
      if (std::isnan(number_)) {
        out << "nan";
      } else if (std::isinf(number_)) {
        out << (number_ > 0 ? "inf" : "-inf");
      } else {
        out << number_;
      }
      return;
  }
}

void refuse(std::initializer_list<MessagePart> parts) {
  std::ostringstream message;
  for (const MessagePart& part : parts) part.print(message);
  throw std::invalid_argument(message.str());
}

}  // namespace pyrometer
