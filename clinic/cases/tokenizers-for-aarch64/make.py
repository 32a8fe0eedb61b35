"""The environment of an ARM server was copied to this machine: the library says that it is for
AArch64. Only that field of its ELF header is changed here; the loader looks no further."""

import struct

from clinic.patient import Patient

AARCH64 = 183  # EM_AARCH64


def make(patient: Patient) -> None:
    (library,) = (patient.site / "tokenizers").glob("tokenizers*.so")
    content = bytearray(library.read_bytes())
    content[18:20] = struct.pack("<H", AARCH64)
    patient.write(library, bytes(content), mode=0o755)
    info = next(patient.site.glob("tokenizers-*.dist-info"))
    wheel = (info / "WHEEL").read_text("utf-8")
    patient.write(info / "WHEEL", wheel.replace("x86_64", "aarch64"))
