"""A line that runs at start-up, as images and plug-ins bring it for an older model."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    line = 'import os; os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")\n'
    patient.write("legacy_keras.pth", line)
