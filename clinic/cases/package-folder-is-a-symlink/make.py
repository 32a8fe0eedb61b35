"""An installer that keeps each package once and links its folder into the environments."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    store = patient.root / "store" / "storepkg-1.1"
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int inner(void) { return 11; }\n")
        (work / "core.c").write_text("int inner(void);\nint run(void) { return inner(); }\n")
        lib, core = work / "libinner.so.1", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libinner.so.1", "-o", lib)
        runpath = "-Wl,-rpath,$ORIGIN/../storepkg.libs"
        patient.run(*gcc, work / "core.c", lib, runpath, "-o", core)
        patient.write(store / "storepkg" / "__init__.py", INIT)
        patient.write(store / "storepkg" / "_core.so", core.read_bytes())
        patient.write(store / "storepkg.libs" / "libinner.so.1", lib.read_bytes())
    (patient.site / "storepkg").symlink_to(store / "storepkg")
    # RECORD names the files; they are written through the link once more.
    files: dict[str, str | bytes] = {
        f"storepkg/{name}": (store / "storepkg" / name).read_bytes()
        for name in ("__init__.py", "_core.so")
    }
    patient.distribution("storepkg", "1.1", files)
