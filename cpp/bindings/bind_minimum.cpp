#include "bindings.hpp"

namespace pyrometer::bindings {

void bind_minimum(py::module_&) {}

}  // namespace pyrometer::bindings
