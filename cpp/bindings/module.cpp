// The extension module's table of contents.
#include "bindings.hpp"
#include "pyrometer/base/interrupt.hpp"

namespace {

namespace py = pybind11;

// Ctrl-C: the core asks from the thread that called it. The KeyboardInterrupt stays set while the core unwinds.
bool interrupted() {
  const py::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

}  // namespace

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  using namespace pyrometer;
  module.doc() = "The compiled core of pyrometer. Private: use the functions of the pyrometer package.";
  base::set_interrupt_hook(interrupted);
  py::register_local_exception_translator([](std::exception_ptr exception) {
    try {
      std::rethrow_exception(exception);
    } catch (const base::Interrupted&) {
      if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
  });
  bindings::bind_info(module);
  bindings::bind_random(module);
  bindings::bind_moments(module);
  bindings::bind_minimum(module);
  bindings::bind_energy(module);
}
