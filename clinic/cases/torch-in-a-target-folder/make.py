"""As after `pip install --target package torch numpy`: console scripts come to package/bin."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    package = patient.root / "package"
    package.mkdir()
    for path in patient.site.iterdir():
        if "virtualenv" not in path.name:
            path.rename(package / path.name)
