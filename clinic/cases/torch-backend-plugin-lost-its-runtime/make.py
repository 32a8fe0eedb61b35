"""A device plugin that torch imports by its entry point; its runtime is no longer there."""

import sysconfig

from clinic.patient import Patient

RUNTIME = "int accel_devices(void) { return 0; }\n"
PLUGIN = """
#include <Python.h>
int accel_devices(void);
static PyObject *count(PyObject *self, PyObject *none) { return PyLong_FromLong(accel_devices()); }
static PyMethodDef methods[] = {{"count", count, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", "", -1, methods};
PyMODINIT_FUNC PyInit__C(void) { return PyModule_Create(&module); }
"""


def make(patient: Patient) -> None:
    build = patient.root / "build"
    patient.write(build / "runtime.c", RUNTIME)
    patient.write(build / "plugin.c", PLUGIN)
    shared = ["gcc", "-shared", "-fPIC"]
    runtime = build / "libaccelrt.so.2"
    patient.run(*shared, "-Wl,-soname,libaccelrt.so.2", "-o", runtime, build / "runtime.c")
    include = sysconfig.get_paths()["include"]
    patient.run(*shared, f"-I{include}", "-o", build / "_C.so", build / "plugin.c", runtime)
    info = "torch_accel-2.13.0.dist-info"
    files = {
        "torch_accel/__init__.py": "from torch_accel._C import count\n\n\ndef autoload():\n    count()\n",
        "torch_accel/_C.abi3.so": (build / "_C.so").read_bytes(),
        f"{info}/entry_points.txt": "[torch.backends]\naccel = torch_accel:autoload\n",
    }
    patient.distribution("torch-accel", "2.13.0", files, "Requires-Dist: torch==2.13.0")
    patient.remove("{root}/build")
