/* The import hook of one instruction-set level: gives the shared bindings the name of its module. */
#include <Python.h>
#include <string.h>

#define PYROMETER_JOIN_(a, b) a##b
#define PYROMETER_JOIN(a, b) PYROMETER_JOIN_(a, b)
#define PYROMETER_QUOTE_(a) #a
#define PYROMETER_QUOTE(a) PYROMETER_QUOTE_(a)

PyObject* PyInit__core(void);

/* The level that the bindings are bound to, which is that imported first. */
const char* pyrometer_first_level(void);

__attribute__((visibility("default"))) const char* pyrometer_level(void) { return PYROMETER_QUOTE(PYROMETER_LEVEL); }

PyMODINIT_FUNC PYROMETER_JOIN(PyInit__core_, PYROMETER_LEVEL)(void) {
  if (strcmp(pyrometer_first_level(), PYROMETER_QUOTE(PYROMETER_LEVEL)) != 0) {
    return PyErr_Format(PyExc_ImportError, "A process must use one instruction-set level, got %s after %s.",
                        PYROMETER_QUOTE(PYROMETER_LEVEL), pyrometer_first_level());
  }
  return PyInit__core();
}
