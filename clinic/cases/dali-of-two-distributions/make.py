"""The CPU package is installed last, as when a later requirement brings it."""

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "last.txt", patient.version):
        patient.install(wheel)
