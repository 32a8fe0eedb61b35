#include <Python.h>

void pau_forward(const float *x, float *y, const float *p, int n);

static PyObject *address(PyObject *self, PyObject *unused) {
  return PyLong_FromVoidPtr((void *)pau_forward);
}

static PyMethodDef methods[] = {{"address", address, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "pau_cuda", NULL, -1, methods};

PyMODINIT_FUNC PyInit_pau_cuda(void) { return PyModule_Create(&module); }
