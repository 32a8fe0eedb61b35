"""Hooks of a profiler that may or may not be loaded."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        core = Path(folder, "_core.so")
        patient.run("gcc", "-shared", "-fPIC", "-O1", patient.case / "core.c", "-o", core)
        files: dict[str, str | bytes] = {
            "tracepoint/__init__.py": INIT,
            "tracepoint/_core.so": core.read_bytes(),
        }
    patient.distribution("tracepoint", "1.0.3", files)
