"""The package imports its module with RTLD_LAZY and loads a backend with RTLD_GLOBAL later."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os, sys

_flags = sys.getdlopenflags()
sys.setdlopenflags(os.RTLD_LAZY)
try:
    from . import _core
finally:
    sys.setdlopenflags(_flags)

size = _core.size


def solve(backend="reference"):
    path = os.path.join(os.path.dirname(__file__), "backends", backend + ".so")
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    return _core.solve()
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        core, backend = work / "_core.so", work / "backend.so"
        patient.run(*gcc, "-Wl,-z,lazy", include(patient), patient.case / "core.c", "-o", core)
        (work / "backend.c").write_text("int backend_solve(int x) { return x + 30; }\n")
        patient.run(*gcc, work / "backend.c", "-o", backend)
        patient.distribution(
            "linsolve",
            "2.2.0",
            {
                "linsolve/__init__.py": INIT,
                "linsolve/_core.so": core.read_bytes(),
                "linsolve/backends/reference.so": backend.read_bytes(),
            },
        )


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
