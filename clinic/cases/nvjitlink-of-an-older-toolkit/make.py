"""A toolkit of the machine, 12.0, of which this needs one library only."""

import zipfile

from clinic.patient import Patient
from clinic.wheels import fetched


def make(patient: Patient) -> None:
    (wheel,) = fetched(patient.case / "toolkit.txt", patient.version)
    with zipfile.ZipFile(wheel) as archive:
        library = archive.read("nvidia/nvjitlink/lib/libnvJitLink.so.12")
    patient.write("{root}/cuda-12.0/lib64/libnvJitLink.so.12", library, mode=0o755)
