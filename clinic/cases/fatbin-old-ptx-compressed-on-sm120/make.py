"""sm_75 code and compute_80 PTX, compressed as nvcc does on request."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_track.so"))
version = _lib.version
track = _lib.track
"""
CODE = [
    "arch=compute_75,code=sm_75",
    "arch=compute_80,code=compute_80",
]


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_track.so")
        nvcc = [
            "nvcc",
            "-shared",
            "-Xcompiler",
            "-fPIC",
            "--compress-mode=size",
            *[f"-gencode={code}" for code in CODE],
        ]
        patient.run(*nvcc, patient.case / "pixtrack.cu", "-o", target)
        content = target.read_bytes()
    patient.distribution(
        "pixtrack", "2.4.1", {"pixtrack/__init__.py": INIT, "pixtrack/_track.so": content}
    )
