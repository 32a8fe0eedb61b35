"""opencv-python comes last, as the dependency of a package that cannot know of contrib."""

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "last.txt", patient.version):
        patient.install(wheel)
