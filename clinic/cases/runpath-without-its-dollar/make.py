"""A Makefile with -Wl,-rpath,$ORIGIN/../stencil.libs: make reads $O as a variable, empty."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int stencil(int x) { return 3 * x; }\n")
        (work / "core.c").write_text("int stencil(int);\nint run(void) { return stencil(4); }\n")
        lib, core = work / "libstencil.so.1", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libstencil.so.1", "-o", lib)
        runpath = ["-Wl,--enable-new-dtags,-rpath,RIGIN/../stencil.libs"]
        patient.run(*gcc, work / "core.c", lib, *runpath, "-o", core)
        patient.distribution(
            "stencil",
            "1.2.0",
            {
                "stencil/__init__.py": INIT,
                "stencil/_core.so": core.read_bytes(),
                "stencil.libs/libstencil.so.1": lib.read_bytes(),
            },
        )
