/* The square of the distance of two numbers. */
#include <Python.h>

static PyObject* distance(PyObject* self, PyObject* args) {
  double a, b;
  if (!PyArg_ParseTuple(args, "dd", &a, &b)) return NULL;
  return PyFloat_FromDouble((a - b) * (a - b));
}

static PyMethodDef methods[] = {{"distance", distance, METH_VARARGS, ""}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ops", "", -1, methods};

PyMODINIT_FUNC PyInit__ops(void) { return PyModule_Create(&definition); }
