"""The module was linked with libml of release 2; release 1 has the same SONAME and is installed."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import os, sys

_flags = sys.getdlopenflags()
sys.setdlopenflags(os.RTLD_LAZY)
try:
    from ._core import count, version
finally:
    sys.setdlopenflags(_flags)
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        gcc = ["gcc", "-shared", "-fPIC", "-O1", "-Wl,-z,lazy"]
        old, new, core = work / "old.so", work / "libml.so.1", work / "_core.so"
        soname = "-Wl,-soname,libml.so.1"
        patient.run(*gcc, patient.case / "ml.c", soname, "-o", old)
        patient.run(*gcc, "-DRELEASE2", patient.case / "ml.c", soname, "-o", new)
        options = [new, "-Wl,-rpath,$ORIGIN/../mlruntime/lib", "-o", core]
        patient.run(*gcc, include(patient), patient.case / "core.c", *options)
        patient.distribution("mlruntime", "1.8.0", {"mlruntime/lib/libml.so.1": old.read_bytes()})
        patient.distribution(
            "mlquery",
            "0.13.0",
            {"mlquery/__init__.py": INIT, "mlquery/_core.so": core.read_bytes()},
            "Requires-Dist: mlruntime>=1",
        )


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
