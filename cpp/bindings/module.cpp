// The extension module's table of contents.
#include "bindings.hpp"
#include "pyrometer/base/interrupt.hpp"

namespace {

namespace py = pybind11;

bool finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

// Ctrl-C: the core asks from the thread that called it. What the signal's handler raised stays set while the core
// unwinds. On threads other than Python's main one there are no signals, and the answer is no. A daemon thread that
// outlives the interpreter must not ask: taking the GIL would end it in the middle of the core.
bool interrupted() {
  if (finalizing()) return false;
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
  bindings::bind_states(module);
  bindings::bind_minimum(module);
  bindings::bind_logistic(module);
  bindings::bind_absolute(module);
  bindings::bind_energy(module);
  bindings::bind_rows(module);
  bindings::bind_sampled_rows(module);
  bindings::bind_network_chain(module);
  bindings::bind_network_sampled(module);
}
