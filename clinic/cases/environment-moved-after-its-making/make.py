"""As built in a stage of an image and copied out of it: scripts keep the place where they were made."""

from clinic.patient import Patient


def make(patient: Patient) -> None:
    old = f"{patient.root}/built-by-ci/image/venv"
    for path in (patient.prefix / "bin").iterdir():
        if path.is_file() and not path.is_symlink():
            text = path.read_text("utf-8").replace(str(patient.prefix), old)
            patient.write(path, text, mode=0o755)
