"""With --system-site-packages pip took the user's typing_extensions as the one that is wanted."""

import zipfile

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    settings = patient.prefix / "pyvenv.cfg"
    lines = settings.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("include-system-site-packages")]
    patient.write(settings, "\n".join([*kept, "include-system-site-packages = true", ""]))
    user = patient.home / ".local" / "lib" / f"python{patient.version}" / "site-packages"
    for wheel in fetched(patient.case / "user.txt", patient.version):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(user)
