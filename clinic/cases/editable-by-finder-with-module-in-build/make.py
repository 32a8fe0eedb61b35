"""As after an editable install of a project that CMake builds: a finder, and modules in build/."""

from clinic.patient import Patient

HOOK = """import importlib.util
import sys

KNOWN = {known!r}
PACKAGES = {packages!r}


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in KNOWN:
            folders = [PACKAGES[name]] if name in PACKAGES else None
            return importlib.util.spec_from_file_location(
                name, KNOWN[name], submodule_search_locations=folders
            )


sys.meta_path.insert(0, Finder())
"""
CORE = """#include <Python.h>

int trace(void);
static PyObject *run(PyObject *self, PyObject *none) { return PyLong_FromLong(trace()); }
static PyMethodDef methods[] = {{"run", run, METH_NOARGS, 0}, {0, 0, 0, 0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", 0, -1, methods};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
"""


def make(patient: Patient) -> None:
    checkout = patient.root / "checkout"
    build, package = checkout / "build" / "cp312", checkout / "raykit"
    init = patient.write(package / "__init__.py", "from ._core import run\n")
    source = patient.write(checkout / "src" / "core.c", CORE)
    trace = patient.write(checkout / "src" / "trace.c", "int trace(void) { return 17; }\n")
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    headers = "-I" + patient.run(patient.python, "-c", code).strip()
    build.mkdir(parents=True)
    library = build / "lib" / "libtrace.so"
    library.parent.mkdir()
    module = build / "_core.cpython-312-x86_64-linux-gnu.so"
    gcc = ["gcc", "-shared", "-fPIC", "-O1", headers]
    patient.run(*gcc, trace, "-Wl,-soname,libtrace.so", "-o", library)
    patient.run(*gcc, source, library, f"-Wl,-rpath,{library.parent}", "-o", module)
    known = {"raykit": str(init), "raykit._core": str(module)}
    hook = HOOK.format(known=known, packages={"raykit": str(package)})
    files = {"_raykit_editable.py": hook, "_raykit_editable.pth": "import _raykit_editable\n"}
    patient.distribution("raykit", "2.0.0", files, "Requires-Dist: numba")
