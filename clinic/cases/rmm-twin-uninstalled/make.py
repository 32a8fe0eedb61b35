"""RAPIDS for CUDA 13 came over RAPIDS for CUDA 12 and was uninstalled again, with files of both."""

from clinic.patient import Patient
from clinic.wheels import fetched, uv


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "twin.txt", patient.version):
        patient.install(wheel)
    gone = ["rmm-cu13", "librmm-cu13"]
    patient.run(uv(), "pip", "uninstall", "--python", patient.python, *gone)
