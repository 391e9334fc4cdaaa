// The extension module.
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

// The interrupt hook for Ctrl-C, called from the thread that entered the core. The exception raised by the signal
// handler stays set while the core unwinds. Threads other than Python's main one receive no signals: returns false. A
// daemon thread that outlives the interpreter must not acquire the GIL, which would terminate it inside the core.
bool interrupted() {
  if (finalizing()) return false;
  const py::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

}  // namespace

extern "C" {

const char* pyrometer_level();  // in entry.c: of the level that the loader bound these bindings to

__attribute__((visibility("default"))) const char* pyrometer_first_level() { return pyrometer_level(); }
}

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
  bindings::bind_softmax(module);
  bindings::bind_absolute(module);
  bindings::bind_energy(module);
  bindings::bind_rows(module);
  bindings::bind_sampled_rows(module);
  bindings::bind_network_chain(module);
  bindings::bind_network_sampled(module);
}
