"""A second CuPy was installed over the first one and uninstalled again."""

from clinic.patient import Patient
from clinic.wheels import fetched, uv


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "twin.txt", patient.version):
        patient.install(wheel)
    patient.run(uv(), "pip", "uninstall", "--python", patient.python, "cupy-cuda12x")
