"""TORCH_CUDA_ARCH_LIST=9.0a+PTX."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_a2a.so"))
version = _lib.version
all_to_all = _lib.all_to_all
"""
CODE = [
    "arch=compute_90a,code=[sm_90a,compute_90a]",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_a2a.so")
        nvcc = ["nvcc", "-shared", "-Xcompiler", "-fPIC", *[f"-gencode={code}" for code in CODE]]
        patient.run(*nvcc, patient.case / "a2akernels.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "a2akernels", "0.0.1", {"a2akernels/__init__.py": INIT, "a2akernels/_a2a.so": content}
    )
