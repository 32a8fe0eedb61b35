"""Two units with arch lists of their own, as the build of FlashAttention 3 has them."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_attn.so"))
forward = _lib.forward
"""
UNITS = {
    "scheduler": ["compute_80,code=sm_80", "compute_90a,code=sm_90a", "compute_120,code=sm_120"],
    "forward": ["compute_90a,code=sm_90a"],
}


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        nvcc = ["nvcc", "-Xcompiler", "-fPIC"]
        for unit, codes in UNITS.items():
            flags = [f"-gencode=arch={code}" for code in codes]
            source, target = patient.case / f"{unit}.cu", work / f"{unit}.o"
            patient.run(*nvcc, *flags, "-c", source, "-o", target)
        objects = [work / f"{unit}.o" for unit in UNITS]
        every = [f"-gencode=arch={code}" for code in UNITS["scheduler"]]
        patient.run(*nvcc, "-shared", *every, *objects, "-o", work / "_attn.so")
        content = (work / "_attn.so").read_bytes()
    patient.distribution("fa3x", "3.0.0", {"fa3x/__init__.py": INIT, "fa3x/_attn.so": content})
