"""pip removed torch and left what it had not recorded: a library put there by hand, a cache."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    patient.write("torch/lib/README.site", "libmagma.so was copied here by hand\n")
    patient.write("torch/utils/data/cache/index.json", "{}\n")
