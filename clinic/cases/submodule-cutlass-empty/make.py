"""What git leaves of a submodule in a clone without --recursive: an empty folder."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    (patient.project / "third_party" / "cutlass").mkdir(parents=True)
