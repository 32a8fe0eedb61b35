#include <Python.h>

#if PY_VERSION_HEX < 0x030D0000
/* What the headers of 3.13 declare. */
int PyUnicode_EqualToUTF8AndSize(PyObject *, const char *, Py_ssize_t);
#endif

static PyObject *is_leaf(PyObject *self, PyObject *name) {
    return PyBool_FromLong(PyUnicode_EqualToUTF8AndSize(name, "leaf", 4));
}

static PyMethodDef methods[] = {{"is_leaf", is_leaf, METH_O, 0}, {0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};

PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
