"""The runtime comes from a distribution of its own and is loaded by path before the module."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_here = os.path.dirname(__file__)
_runtime = os.path.join(_here, "..", "sparse_runtime", "lib", "sparse-cu13.so")
ctypes.CDLL(_runtime)
run = ctypes.CDLL(os.path.join(_here, "_core.so")).run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int sparse(int x) { return 2 * x; }\n")
        (work / "core.c").write_text("int sparse(int);\nint run(void) { return sparse(4); }\n")
        lib, core = work / "sparse-cu13.so", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libsparse.so.7", "-o", lib)
        patient.run(*gcc, work / "core.c", lib, "-o", core)
        patient.distribution(
            "sparse-runtime", "13.0.1", {"sparse_runtime/lib/sparse-cu13.so": lib.read_bytes()}
        )
        patient.distribution(
            "spmv",
            "0.4.0",
            {"spmv/__init__.py": INIT, "spmv/_core.so": core.read_bytes()},
            "Requires-Dist: sparse-runtime",
        )
