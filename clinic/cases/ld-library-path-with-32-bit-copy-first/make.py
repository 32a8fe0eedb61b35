"""A machine with 32-bit games: their folder comes first in LD_LIBRARY_PATH."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int mix(int x) { return x + 5; }\n")
        (work / "core.c").write_text("int mix(int);\nint run(void) { return mix(10); }\n")
        lib, core = work / "libmix.so.2", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libmix.so.2", "-o", lib)
        patient.run(*gcc, work / "core.c", lib, "-o", core)
        narrow = ["gcc", "-m32", "-ffreestanding", "-fno-pic", "-O1", "-c"]
        patient.run(*narrow, work / "lib.c", "-o", work / "lib32.o")
        old = work / "lib32.so"
        ld = ["ld", "-m", "elf_i386", "-shared", "-soname", "libmix.so.2"]
        patient.run(*ld, work / "lib32.o", "-o", old)
        patient.write(patient.root / "opt/lib32/libmix.so.2", old.read_bytes())
        patient.write(patient.root / "opt/lib64/libmix.so.2", lib.read_bytes())
        files: dict[str, str | bytes] = {
            "soundmix/__init__.py": INIT,
            "soundmix/_core.so": core.read_bytes(),
        }
    patient.distribution("soundmix", "1.9.0", files)
