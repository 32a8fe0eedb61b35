#include <Python.h>
#include <string.h>

static PyObject *count(PyObject *self, PyObject *arg) {
  Py_ssize_t n, found = 0;
  char *signs;
  if (PyBytes_AsStringAndSize(arg, &signs, &n) < 0) return NULL;
  for (Py_ssize_t i = 1; i < n; ++i) found += signs[i] != signs[i - 1];
  return PyLong_FromSsize_t(found);
}

static PyMethodDef methods[] = {{"count", count, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "crossings", NULL, -1, methods};

PyMODINIT_FUNC PyInit_crossings(void) { return PyModule_Create(&module); }
