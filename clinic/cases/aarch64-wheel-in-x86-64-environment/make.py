"""The content of a manylinux2014_aarch64 wheel, unpacked into site-packages by a deploy script.

The library is compiled here and its header names the other machine: the loader reads no further.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "libpixproc.so"))
blur = _lib.blur
"""
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux2014_aarch64\n"


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        source, target = Path(folder, "blur.c"), Path(folder, "libpixproc.so")
        source.write_text("int blur(void) { return 9; }\n")
        patient.run("gcc", "-shared", "-fPIC", "-O1", source, "-o", target)
        content = bytearray(target.read_bytes())
    content[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
    files: dict[str, str | bytes] = {
        "pixproc/__init__.py": INIT,
        "pixproc/libpixproc.so": bytes(content),
    }
    patient.distribution("pixproc", "4.1.0", files)
    patient.write("pixproc-4.1.0.dist-info/WHEEL", WHEEL)
