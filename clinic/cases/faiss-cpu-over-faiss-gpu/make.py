"""The CPU package comes last, as when another project's requirements name it."""

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "last.txt", patient.version):
        patient.install(wheel)
