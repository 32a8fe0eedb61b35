"""A root of Debian below the patient, whose packages the environment shares."""

from clinic.layouts import interpreter, link
from clinic.patient import Patient


def make(patient: Patient) -> None:
    usr = patient.root / "usr"
    interpreter(patient, usr, "/usr/bin/python3.11")
    pip = usr / "local/lib/python3.11/dist-packages"
    pip.mkdir(parents=True)
    (usr / "lib/python3/dist-packages").mkdir(parents=True)
    for path in patient.site.iterdir():
        if not path.name.startswith(("bitsandbytes", "_virtualenv")):
            path.rename(pip / path.name)
    link(patient.python, usr / "bin" / "python3")
    lines = [
        f"home = {usr}/bin",
        "include-system-site-packages = true",
        "version = 3.11",
        f"executable = {usr}/bin/python3.11",
    ]
    patient.write("{prefix}/pyvenv.cfg", "\n".join([*lines, ""]))
