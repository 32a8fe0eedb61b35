#include <Python.h>

extern "C" void cast_all(const float *map, const float *from, float *range, int w, int n);

static PyObject *address(PyObject *, PyObject *) {
  return PyLong_FromVoidPtr(reinterpret_cast<void *>(&cast_all));
}

static PyMethodDef methods[] = {{"address", address, METH_NOARGS, nullptr}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "rangecast", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_rangecast() { return PyModule_Create(&module); }
