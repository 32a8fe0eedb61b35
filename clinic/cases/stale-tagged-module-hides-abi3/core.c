#include <Python.h>

static PyObject *sort(PyObject *self, PyObject *none) { return PyLong_FromLong(1); }
#ifdef PAIRS
static PyObject *pairs(PyObject *self, PyObject *none) { return PyLong_FromLong(2); }
#endif

static PyMethodDef methods[] = {
    {"sort", sort, METH_NOARGS, 0},
#ifdef PAIRS
    {"sort_pairs", pairs, METH_NOARGS, 0},
#endif
    {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};

PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
