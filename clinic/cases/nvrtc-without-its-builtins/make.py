"""An image was slimmed: what no binary is linked with was taken for unused."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    patient.remove("nvidia/cu13/lib/libnvrtc-builtins.so.13.0")
