#include <Python.h>

#ifndef ANSWER
#define ANSWER 42
#endif

static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(ANSWER); }

static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, 0}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};

PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
