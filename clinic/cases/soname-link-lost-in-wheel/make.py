"""A wheel is a zip file without links: the build kept the file with the full version alone."""

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
        (work / "lib.c").write_text("int codec(void) { return 4; }\n")
        (work / "core.c").write_text("int codec(void);\nint run(void) { return codec(); }\n")
        lib, core = work / "libcodec.so.4.2.1", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libcodec.so.4", "-o", lib)
        patient.run(*gcc, work / "core.c", lib, "-Wl,-rpath,$ORIGIN/lib", "-o", core)
        patient.distribution(
            "vidcodec",
            "4.2.1",
            {
                "vidcodec/__init__.py": INIT,
                "vidcodec/_core.so": core.read_bytes(),
                "vidcodec/lib/libcodec.so.4.2.1": lib.read_bytes(),
            },
        )
