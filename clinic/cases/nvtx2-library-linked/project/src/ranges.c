#include <Python.h>
#include <nvtx3/nvToolsExt.h>

static PyObject *push(PyObject *self, PyObject *arg) {
  const char *name = PyUnicode_AsUTF8(arg);
  if (!name) return NULL;
  return PyLong_FromLong(nvtxRangePushA(name));
}

static PyObject *pop(PyObject *self, PyObject *unused) {
  return PyLong_FromLong(nvtxRangePop());
}

static PyMethodDef methods[] = {
    {"push", push, METH_O, NULL}, {"pop", pop, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "ranges", NULL, -1, methods};

PyMODINIT_FUNC PyInit_ranges(void) { return PyModule_Create(&module); }
