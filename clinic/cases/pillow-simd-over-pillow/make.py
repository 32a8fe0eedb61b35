"""Pillow-SIMD was built on the machine, and Pillow was upgraded beside it: the Python files are
Pillow's, the extension is the other one's. Pillow-SIMD exists as source only; its extension is
taken from Pillow of the same release, of which it is a fork.
"""

from zipfile import ZipFile

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    (wheel,) = fetched(patient.case / "older.txt", patient.version)
    tag = f"cpython-{patient.version.replace('.', '')}-x86_64-linux-gnu"
    with ZipFile(wheel) as archive:
        names = [f"PIL/_imaging.{tag}.so"]
        names += [name for name in archive.namelist() if "Pillow.libs/lib" in name]
        files = {name: archive.read(name) for name in names}
    patient.distribution("Pillow-SIMD", "9.5.0.post2", files)
