#include "bindings.hpp"

namespace pyrometer::bindings {

void bind_moments(py::module_&) {}

}  // namespace pyrometer::bindings
