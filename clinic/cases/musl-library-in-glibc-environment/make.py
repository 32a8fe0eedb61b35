"""A wheel whose library was compiled in an Alpine container and tagged linux_x86_64."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os

_path = os.path.join(os.path.dirname(__file__), "lib", "libgguf.so")
try:
    _lib = ctypes.CDLL(_path)
except OSError as error:
    raise RuntimeError(f"Failed to load shared library '{_path}': {error}")
magic = _lib.magic
"""
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        libc, lib = Path(folder, "libc.so"), Path(folder, "libgguf.so")
        gcc = ["gcc", "-shared", "-fPIC", "-O1", "-nostdlib", "-fno-builtin"]
        Path(folder, "libc.c").write_text("int toupper(int c) { return c & ~32; }\n")
        Path(folder, "gguf.c").write_text(
            "int toupper(int);\nint magic(void) { return toupper('g'); }\n"
        )
        soname = "-Wl,-soname,libc.musl-x86_64.so.1"
        patient.run(*gcc, Path(folder, "libc.c"), soname, "-o", libc)
        patient.run(*gcc, Path(folder, "gguf.c"), libc, "-o", lib)
        files: dict[str, str | bytes] = {
            "gguftools/__init__.py": INIT,
            "gguftools/lib/libgguf.so": lib.read_bytes(),
        }
    patient.distribution("gguftools", "0.2.90", files)
    patient.write("gguftools-0.2.90.dist-info/WHEEL", WHEEL)
