"""A leftover of the CUDA 12 environment, removed by name after torch came for CUDA 13."""

from clinic.patient import Patient
from clinic.wheels import fetched, uv


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "leftover.txt", patient.version):
        patient.install(wheel)
    patient.run(uv(), "pip", "uninstall", "--python", patient.python, "nvidia-nvshmem-cu12")
