#include <Python.h>

#include "RingBuffer.h"
#include "queue.h"

static Queue queue;

static PyObject *capacity(PyObject *, PyObject *) { return PyLong_FromSize_t(queue.ids.size()); }

static PyMethodDef methods[] = {{"capacity", capacity, METH_NOARGS, nullptr}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "frames", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_frames() { return PyModule_Create(&module); }
