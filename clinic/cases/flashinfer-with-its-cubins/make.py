"""Stand-ins for the packages of kernels, of flashinfer's own release; one with CUDA in its version."""

from clinic.patient import Patient

KERNELS = '''"""Kernels that were built beforehand."""

from pathlib import Path

__version__ = "{version}"


def get_{what}_dir() -> Path:
    return Path(__file__).parent / "{folder}"
'''
# Large, and not imported by what is asked here: their names and versions alone.
OTHERS = {"cuda-tile": "1.1.0", "nvidia-cudnn-frontend": "1.18.0", "nvidia-cutlass-dsl": "4.4.2"}


def make(patient: Patient) -> None:
    content = KERNELS.format(version="0.6.9", what="cubin", folder="cubins")
    files = {
        "flashinfer_cubin/__init__.py": content,
        "flashinfer_cubin/cubins/README": "none here\\n",
    }
    patient.distribution("flashinfer-cubin", "0.6.9", files)
    content = KERNELS.format(version="0.6.9+cu130", what="jit_cache", folder="jit_cache")
    files = {
        "flashinfer_jit_cache/__init__.py": content,
        "flashinfer_jit_cache/jit_cache/README": "none here\\n",
    }
    patient.distribution("flashinfer-jit-cache", "0.6.9+cu130", files)
    for name, version in OTHERS.items():
        patient.distribution(name, version, {f"{name.replace('-', '_')}_stand_in.py": ""})
