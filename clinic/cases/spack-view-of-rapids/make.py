"""Each distribution in a prefix of its own below opt/spack, and a view of links."""

import hashlib
from pathlib import Path

from clinic.layouts import apart, linked
from clinic.patient import Patient


def make(patient: Patient) -> None:
    def prefix(name: str, version: str) -> Path:
        digest = hashlib.sha256(f"{name}-{version}".encode()).hexdigest()[:32]
        return patient.root / "opt/spack/linux-x86_64" / f"py-{name}-{version}-{digest}"

    for place in apart(patient, patient.prefix, prefix).values():
        linked(place, patient.prefix)
