"""A whole interpreter with an empty site-packages; what `pip install --user` installs is in ~/.local."""

from clinic.layouts import interpreter
from clinic.patient import Patient


def make(patient: Patient) -> None:
    user = patient.home / ".local" / "lib" / f"python{patient.version}" / "site-packages"
    user.parent.mkdir(parents=True)
    patient.site.rename(user)
    interpreter(patient, patient.prefix)
    patient.remove("{prefix}/pyvenv.cfg")
