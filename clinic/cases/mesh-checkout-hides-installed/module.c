/* The compiled half of meshkit: a module without content. */
#include <Python.h>

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "meshkit._C", "", -1, NULL};

PyMODINIT_FUNC PyInit__C(void) { return PyModule_Create(&definition); }
