#include <Python.h>

int ml_count(void);
int ml_version_v2(void);

static PyObject *count(PyObject *self, PyObject *none) { return PyLong_FromLong(ml_count()); }
static PyObject *version(PyObject *self, PyObject *none) {
    return PyLong_FromLong(ml_version_v2());
}

static PyMethodDef methods[] = {
    {"count", count, METH_NOARGS, 0}, {"version", version, METH_NOARGS, 0}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};

PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
