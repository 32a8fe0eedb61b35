"""A library for Turing alone."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_multi.so"))
version = _lib.version
scale = _lib.scale
"""
CODE = [
    "arch=compute_75,code=sm_75",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_multi.so")
        nvcc = ["nvcc", "-shared", "-Xcompiler", "-fPIC", *[f"-gencode={code}" for code in CODE]]
        patient.run(*nvcc, patient.case / "fusedopt.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "fusedopt", "0.1.0", {"fusedopt/__init__.py": INIT, "fusedopt/_multi.so": content}
    )
