"""A requirement that was pinned for CUDA 11 comes last."""

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "last.txt", patient.version):
        patient.install(wheel)
