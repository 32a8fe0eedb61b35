#include <Python.h>

#include "levels.h"

static const float table[quant::levels] = {
#include "detail/quant_table.inl"
};

static PyObject *level(PyObject *, PyObject *arg) {
  long i = PyLong_AsLong(arg);
  if (i < 0 || i >= quant::levels) return PyErr_Format(PyExc_IndexError, "no such level");
  return PyFloat_FromDouble(table[i]);
}

static PyMethodDef methods[] = {{"level", level, METH_O, nullptr}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "quant", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_quant() { return PyModule_Create(&module); }
