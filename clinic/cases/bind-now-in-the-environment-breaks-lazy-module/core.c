#include <Python.h>

int backend_eval(int); /* of whichever backend is loaded by then */

static PyObject *size(PyObject *self, PyObject *none) { return PyLong_FromLong(16); }
static PyObject *solve(PyObject *self, PyObject *none) {
    return PyLong_FromLong(backend_eval(4));
}

static PyMethodDef methods[] = {
    {"size", size, METH_NOARGS, 0}, {"solve", solve, METH_NOARGS, 0}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};

PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
