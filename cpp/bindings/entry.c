/* The import hook of one instruction-set level: gives the shared bindings the name of its module. */
#include <Python.h>

#define PYROMETER_JOIN_(a, b) a##b
#define PYROMETER_JOIN(a, b) PYROMETER_JOIN_(a, b)

PyObject* PyInit__core(void);

PyMODINIT_FUNC PYROMETER_JOIN(PyInit__core_, PYROMETER_LEVEL)(void) { return PyInit__core(); }
