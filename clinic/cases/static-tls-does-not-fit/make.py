"""64 KiB of thread-local storage in the model initial-exec, as fast allocators ask for it."""

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
        (work / "core.c").write_text("int arena(void);\nint run(void) { return arena(); }\n")
        lib, core = work / "libarenas.so.2", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        soname = "-Wl,-soname,libarenas.so.2"
        source = patient.case / "arenas.c"
        patient.run(*gcc, "-ftls-model=initial-exec", source, soname, "-o", lib)
        patient.run(*gcc, work / "core.c", lib, "-Wl,-rpath,$ORIGIN", "-o", core)
        patient.distribution(
            "arenas",
            "2.1.2",
            {
                "arenas/__init__.py": INIT,
                "arenas/_core.so": core.read_bytes(),
                "arenas/libarenas.so.2": lib.read_bytes(),
            },
        )
