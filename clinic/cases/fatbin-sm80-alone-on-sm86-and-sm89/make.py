"""The arch list 8.0 alone."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_dslash.so"))
version = _lib.version
dslash = _lib.dslash
"""
CODE = [
    "arch=compute_80,code=sm_80",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_dslash.so")
        nvcc = ["nvcc", "-shared", "-Xcompiler", "-fPIC", *[f"-gencode={code}" for code in CODE]]
        patient.run(*nvcc, patient.case / "latticeqcd.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "latticeqcd", "1.1.0", {"latticeqcd/__init__.py": INIT, "latticeqcd/_dslash.so": content}
    )
