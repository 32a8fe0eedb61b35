"""A root of Debian below the patient: its interpreter, apt's folder and pip's."""

from clinic.layouts import interpreter, link
from clinic.patient import Patient


def make(patient: Patient) -> None:
    usr = patient.root / "usr"
    interpreter(patient, usr, "/usr/bin/python3.11")
    apt, pip = usr / "lib/python3/dist-packages", usr / "local/lib/python3.11/dist-packages"
    for folder in (apt, pip):
        folder.mkdir(parents=True)
    for path in patient.site.glob("numpy*"):
        path.rename(apt / path.name)
    (info,) = apt.glob("numpy-*.dist-info")
    record = info.rename(apt / f"{info.name.removesuffix('.dist-info')}.egg-info")
    (record / "METADATA").rename(record / "PKG-INFO")
    for name in ("RECORD", "WHEEL", "INSTALLER", "REQUESTED"):
        (record / name).unlink(missing_ok=True)
    for path in patient.site.iterdir():
        if "virtualenv" not in path.name:
            path.rename(pip / path.name)
    patient.remove("{prefix}/pyvenv.cfg")
    link(patient.python, usr / "bin" / "python3")
