"""The CPU build was installed beside the GPU's, which was then uninstalled: with files of both."""

from clinic.patient import Patient
from clinic.wheels import fetched, uv


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "twin.txt", patient.version):
        patient.install(wheel)
    patient.run(uv(), "pip", "uninstall", "--python", patient.python, "paddlepaddle-gpu")
