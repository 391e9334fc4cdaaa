/* Which instruction-set levels this processor and its operating system can run, best first. */
#include <Python.h>

static PyObject* levels(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  PyObject* list = PyList_New(0);
  if (!list) return NULL;
  const char* names[3];
  int count = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
  int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  if (v4) names[count++] = "v4";
  if (v3) names[count++] = "v3";
#endif
  names[count++] = "baseline";
  for (int i = 0; i < count; ++i) {
    PyObject* name = PyUnicode_FromString(names[i]);
    if (!name || PyList_Append(list, name) < 0) {
      Py_XDECREF(name);
      Py_DECREF(list);
      return NULL;
    }
    Py_DECREF(name);
  }
  return list;
}

static PyMethodDef methods[] = {
    {"levels", levels, METH_NOARGS, "Instruction-set levels this machine runs, best first."}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_cpu", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__cpu(void) { return PyModuleDef_Init(&module); }
