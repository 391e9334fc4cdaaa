#include "bindings.hpp"
#include "pyrometer/base/chunks.hpp"

namespace pyrometer::bindings {

void bind_info(py::module_& module) {
  module.def("max_threads", &base::max_threads, "Threads that OpenMP would use now.");
  module.attr("compiler") = __VERSION__;
#ifdef _OPENMP
  module.attr("openmp") = _OPENMP;
#else
  module.attr("openmp") = 0;
#endif
}

}  // namespace pyrometer::bindings
