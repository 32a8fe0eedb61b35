// A module without torch's headers: it compiles in a second.
#include <Python.h>

#ifdef WITH_CUDA
extern "C" int scale(float *values, float factor, int count);
static const bool built = &scale != nullptr;
#else
static const bool built = false;
#endif

static PyObject *has_cuda(PyObject *, PyObject *) { return PyBool_FromLong(built); }

static PyMethodDef methods[] = {
    {"has_cuda", has_cuda, METH_NOARGS, "Whether the GPU kernels are built in."},
    {nullptr, nullptr, 0, nullptr},
};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", nullptr, -1, methods};

PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&module); }
