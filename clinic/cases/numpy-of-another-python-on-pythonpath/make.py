"""A module of the cluster puts the packages of another Python first; here numpy's files with
the names that they have for Python 3.10."""

import zipfile

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    other = patient.root / "python3.10" / "dist-packages"
    (wheel,) = fetched(patient.case / "other.txt", patient.version)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(other)
    for path in other.rglob("*.cpython-311-*.so"):
        path.rename(path.with_name(path.name.replace("cpython-311", "cpython-310")))
