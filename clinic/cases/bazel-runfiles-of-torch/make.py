"""Each wheel a repository below external/, each file of it a link in the program's runfiles."""

from pathlib import Path

from clinic.layouts import apart, linked
from clinic.patient import Patient


def make(patient: Patient) -> None:
    external, runfiles = patient.root / "external", patient.root / "job.runfiles"

    def repository(name: str, version: str) -> Path:
        return external / f"pypi_{name}" / "site-packages"

    for place in apart(patient, patient.site, repository).values():
        linked(place, runfiles / place.relative_to(external))
