"""The machine lost power before the blocks reached the disk: right size, no content."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    name = "torch/lib/libtorch_python.so"
    patient.write(name, bytes((patient.site / name).stat().st_size), mode=0o755)
