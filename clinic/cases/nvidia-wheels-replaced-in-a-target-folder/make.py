"""Two runs of pip into one folder: the second replaces the folder nvidia that both wheels share."""

from clinic.patient import Failed, Patient
from clinic.wheels import fetched, pip


def make(patient: Patient) -> None:
    package = str(patient.root / "package")
    for listing in ("first.txt", "second.txt"):
        (wheel,) = fetched(patient.case / listing, patient.version)
        options = ["--no-deps", "--no-index", "--no-compile", "--upgrade", "--target", package]
        if pip("install", *options, str(wheel)):
            raise Failed(f"pip could not install {wheel.name}")
