"""cuobjdump is kept beside the environment, not in it: only the truth calls it."""

from clinic.patient import Patient
from clinic.wheels import fetched, uv


def make(patient: Patient) -> None:
    (wheel,) = fetched(patient.case / "tools.txt", patient.version)
    options = ["--quiet", "--no-deps", "--no-index", "--target", patient.root / "tools"]
    patient.run(uv(), "pip", "install", *options, wheel)
