#include <Python.h>

namespace c10 {
bool IsNUMAEnabled();
}  // namespace c10

extern "C" int lut(void);

static PyObject *run(PyObject *, PyObject *) { return PyLong_FromLong(lut() | c10::IsNUMAEnabled()); }

static PyMethodDef methods[] = {{"run", run, METH_NOARGS, 0}, {0, 0, 0, 0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", 0, -1, methods};

PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&module); }
