#include "bindings.hpp"

namespace pyrometer::bindings {

void bind_energy(py::module_&) {}

}  // namespace pyrometer::bindings
