"""`pip install -e .` with setuptools."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    patient.install("--editable", patient.project)
