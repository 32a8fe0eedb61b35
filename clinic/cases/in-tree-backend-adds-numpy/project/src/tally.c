#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>

static PyObject *count(PyObject *self, PyObject *arg) {
  if (!PyArray_Check(arg)) return PyErr_Format(PyExc_TypeError, "an array is expected");
  return PyLong_FromSsize_t(PyArray_SIZE((PyArrayObject *)arg));
}

static PyMethodDef methods[] = {{"count", count, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tally", NULL, -1, methods};

PyMODINIT_FUNC PyInit_tally(void) {
  import_array();
  return PyModule_Create(&module);
}
