"""A variable that an uninstalled tool left in the profile; and a module that works."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        source, core = Path(folder, "core.c"), Path(folder, "_core.so")
        source.write_text("int run(void) { return 17; }\n")
        patient.run("gcc", "-shared", "-fPIC", "-O1", source, "-o", core)
        files: dict[str, str | bytes] = {
            "hashx/__init__.py": INIT,
            "hashx/_core.so": core.read_bytes(),
        }
    patient.distribution("hashx", "3.5.0", files)
