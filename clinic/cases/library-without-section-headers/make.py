"""A library as sstrip leaves it."""

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
        (work / "lib.c").write_text("int tiny(int x) { return x + 1; }\n")
        (work / "core.c").write_text("int tiny(int);\nint run(void) { return tiny(12); }\n")
        lib, core = work / "libtiny.so.1", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1", "-s"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libtiny.so.1", "-o", lib)
        runpath = "-Wl,-rpath,$ORIGIN/../tinykern.libs"
        patient.run(*gcc, work / "core.c", lib, runpath, "-o", core)
        patient.distribution(
            "tinykern",
            "0.1.1",
            {
                "tinykern/__init__.py": INIT,
                "tinykern/_core.so": bare(core.read_bytes()),
                "tinykern.libs/libtiny.so.1": bare(lib.read_bytes()),
            },
        )


def bare(content: bytes) -> bytes:
    """Without the table at the file's end: e_shoff, e_shnum and e_shstrndx are zero."""
    start = int.from_bytes(content[40:48], "little")
    return content[:40] + bytes(8) + content[48:60] + bytes(4) + content[64:start]
