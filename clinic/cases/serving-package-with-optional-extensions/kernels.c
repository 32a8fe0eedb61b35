/* A compiled module without content; MODULE is its name. */
#include <Python.h>

#define TEXT(x) #x
#define QUOTED(x) TEXT(x)
#define JOIN(a, b) a##b
#define INIT(name) JOIN(PyInit_, name)

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, QUOTED(MODULE), "", -1, NULL};

PyMODINIT_FUNC INIT(MODULE)(void) { return PyModule_Create(&definition); }
