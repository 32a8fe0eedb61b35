"""A stand-in for the package of cubins, a release behind; the real one has hundreds of megabytes."""

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
    content = KERNELS.format(version="0.6.8.post1", what="cubin", folder="cubins")
    files = {
        "flashinfer_cubin/__init__.py": content,
        "flashinfer_cubin/cubins/README": "none here\\n",
    }
    patient.distribution("flashinfer-cubin", "0.6.8.post1", files)
    for name, version in OTHERS.items():
        patient.distribution(name, version, {f"{name.replace('-', '_')}_stand_in.py": ""})
