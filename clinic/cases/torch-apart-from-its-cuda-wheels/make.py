"""torch (platlib) is moved to a lib64 of its own, as on distributions that split the two."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    lib64 = patient.root / "lib64"
    lib64.mkdir()
    for path in [patient.site / "torch", *patient.site.glob("torch-*.dist-info")]:
        path.rename(lib64 / path.name)
