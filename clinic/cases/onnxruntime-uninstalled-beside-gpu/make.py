"""onnxruntime came as somebody's dependency and was uninstalled: it took shared files along."""

from clinic.patient import Patient
from clinic.wheels import fetched, uv


def make(patient: Patient) -> None:
    for wheel in fetched(patient.case / "last.txt", patient.version):
        patient.install(wheel)
    patient.run(uv(), "pip", "uninstall", "--python", patient.python, "onnxruntime")
