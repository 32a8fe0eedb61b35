"""A stand-in for flash-attn as it is compiled for this torch."""

from clinic.patient import Patient

CODE = """#include <Python.h>

extern int SYMBOL(ARGUMENT device, _Bool force);

int flash_attn_set_device(int device) { return SYMBOL((ARGUMENT)device, 0); }
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "flash_attn_2_cuda", 0, -1, 0};
PyMODINIT_FUNC PyInit_flash_attn_2_cuda(void) { return PyModule_Create(&module); }
"""
SYMBOL = ("_ZN3c104cuda9SetDeviceEab", "signed char")
VERSION = "2.8.3"


def make(patient: Patient) -> None:
    code = CODE.replace("SYMBOL", SYMBOL[0]).replace("ARGUMENT", SYMBOL[1])
    source = patient.write("{root}/build/flash.c", code)
    name = "flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so"
    out = patient.at(f"{{root}}/build/{name}")
    lib = patient.site / "torch" / "lib"
    libraries = [lib / f"lib{n}.so" for n in ("torch", "c10", "c10_cuda")]
    flags = [
        "-shared",
        "-fPIC",
        "-O1",
        "-Wl,--no-as-needed",
        "-Wl,-z,now",
        f"-Wl,-rpath-link,{lib}",
    ]
    flags += ["-Wl,--unresolved-symbols=ignore-all"]
    where = "import sysconfig; print(sysconfig.get_path('include'))"
    flags.append("-I" + patient.run(patient.python, "-c", where).strip())
    patient.run("gcc", *flags, source, *map(str, libraries), "-o", out)
    content = f'import torch  # noqa: F401\n\nimport flash_attn_2_cuda  # noqa: F401\n\n__version__ = "{VERSION}"\n'
    files = {"flash_attn/__init__.py": content, name: out.read_bytes()}
    patient.distribution("flash-attn", VERSION, files, "Requires-Dist: torch")
    patient.remove("{root}/build")
