"""An arch list for consumer cards, 8.6;8.9+PTX."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_int4.so"))
version = _lib.version
matmul = _lib.matmul
"""
CODE = [
    "arch=compute_86,code=sm_86",
    "arch=compute_89,code=[sm_89,compute_89]",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_int4.so")
        nvcc = ["nvcc", "-shared", "-Xcompiler", "-fPIC", *[f"-gencode={code}" for code in CODE]]
        patient.run(*nvcc, patient.case / "int4mm.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "int4mm", "0.2.0", {"int4mm/__init__.py": INIT, "int4mm/_int4.so": content}
    )
