#include "bindings.hpp"

namespace pyrometer::bindings {

void bind_random(py::module_&) {}

}  // namespace pyrometer::bindings
