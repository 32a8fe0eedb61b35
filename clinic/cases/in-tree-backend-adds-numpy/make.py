"""A folder with setuptools and NumPy, so that an isolated build needs no index."""

import shutil

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    place = patient.root / "wheelhouse"
    place.mkdir()
    for wheel in fetched(patient.case / "wheels.txt", patient.version):
        shutil.copy2(wheel, place / wheel.name)
