#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>

static PyObject *row_bytes(PyObject *self, PyObject *arg) {
  if (!PyArray_Check(arg)) return PyErr_Format(PyExc_TypeError, "an array is expected");
  PyArrayObject *array = (PyArrayObject *)arg;
  int last = PyArray_NDIM(array) - 1;
  npy_intp columns = last < 0 ? 1 : PyArray_DIM(array, last);
  return PyLong_FromSsize_t(columns * PyArray_DESCR(array)->elsize);
}

static PyMethodDef methods[] = {{"row_bytes", row_bytes, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "rows", NULL, -1, methods};

PyMODINIT_FUNC PyInit_rows(void) {
  import_array();
  return PyModule_Create(&module);
}
