/* The compiled half of a package: a module without content. */
#include <Python.h>

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "flash_attn_2_cuda", "", -1, NULL};

PyMODINIT_FUNC PyInit_flash_attn_2_cuda(void) { return PyModule_Create(&definition); }
