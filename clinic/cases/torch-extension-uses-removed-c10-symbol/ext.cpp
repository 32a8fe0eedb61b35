#include <Python.h>

namespace c10 {
struct StorageImpl;
namespace impl::cow {
void materialize_cow_storage(StorageImpl &);
}
}  // namespace c10

static PyObject *run(PyObject *, PyObject *) {
    c10::StorageImpl *none = nullptr;
    if (Py_REFCNT(Py_None) < 0) c10::impl::cow::materialize_cow_storage(*none);
    return PyLong_FromLong(1);
}

static PyMethodDef methods[] = {{"run", run, METH_NOARGS, 0}, {0, 0, 0, 0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", 0, -1, methods};

PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&module); }
