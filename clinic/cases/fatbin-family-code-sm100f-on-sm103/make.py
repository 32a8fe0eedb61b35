"""The arch list 8.0;9.0a;10.0f: the family's code in place of that of each GPU."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_gemm.so"))
version = _lib.version
gemm = _lib.gemm
"""
CODE = [
    "arch=compute_80,code=sm_80",
    "arch=compute_90a,code=sm_90a",
    "arch=compute_100f,code=sm_100f",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_gemm.so")
        nvcc = ["nvcc", "-shared", "-Xcompiler", "-fPIC", *[f"-gencode={code}" for code in CODE]]
        patient.run(*nvcc, patient.case / "famgemm.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "famgemm", "1.8.0", {"famgemm/__init__.py": INIT, "famgemm/_gemm.so": content}
    )
