"""A develop script that linked the built module, one file, into the installed package."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    store = patient.root / "store" / "linkedmod-1.1"
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int inner(void) { return 11; }\n")
        (work / "core.c").write_text("int inner(void);\nint run(void) { return inner(); }\n")
        lib, core = work / "libinner.so.1", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libinner.so.1", "-o", lib)
        runpath = "-Wl,-rpath,$ORIGIN/../linkedmod.libs"
        patient.run(*gcc, work / "core.c", lib, runpath, "-o", core)
        patient.write(store / "linkedmod" / "__init__.py", INIT)
        patient.write(store / "linkedmod" / "_core.so", core.read_bytes())
        patient.write(store / "linkedmod.libs" / "libinner.so.1", lib.read_bytes())
    patient.distribution("linkedmod", "1.1", {"linkedmod/__init__.py": INIT})
    (patient.site / "linkedmod" / "_core.so").symlink_to(store / "linkedmod" / "_core.so")
