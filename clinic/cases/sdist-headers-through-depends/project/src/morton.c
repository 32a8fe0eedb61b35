#include <Python.h>

#include "fast_path.h"

static PyObject *encode(PyObject *self, PyObject *args) {
  unsigned x, y;
  if (!PyArg_ParseTuple(args, "II", &x, &y)) return NULL;
  return PyLong_FromUnsignedLong(spread(x) | spread(y) << 1);
}

static PyMethodDef methods[] = {{"encode", encode, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "morton", NULL, -1, methods};

PyMODINIT_FUNC PyInit_morton(void) { return PyModule_Create(&module); }
