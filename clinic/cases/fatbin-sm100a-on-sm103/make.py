"""A library built with the arch list 8.0;9.0a;10.0a, as wheels for Hopper and B200 are."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_embed_gpu.so"))
version = _lib.version
cumsum = _lib.cumsum
"""
CODE = [
    "arch=compute_80,code=sm_80",
    "arch=compute_90a,code=sm_90a",
    "arch=compute_100a,code=sm_100a",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_embed_gpu.so")
        nvcc = ["nvcc", "-shared", "-Xcompiler", "-fPIC", *[f"-gencode={code}" for code in CODE]]
        patient.run(*nvcc, patient.case / "embedops.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "embedops", "1.7.0", {"embedops/__init__.py": INIT, "embedops/_embed_gpu.so": content}
    )
