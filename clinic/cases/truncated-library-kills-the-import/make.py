"""An installation on a full disk: the first 64 KiB of the library are there."""

import base64
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        core = Path(folder, "_core.so")
        patient.run("gcc", "-shared", "-fPIC", "-O1", patient.case / "core.c", "-o", core)
        content = core.read_bytes()
    patient.distribution("fftkern", "3.3.10", {"fftkern/__init__.py": INIT})
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    record = patient.at("fftkern-3.3.10.dist-info/RECORD").read_text()
    row = f"fftkern/_core.so,sha256={digest},{len(content)}\n"
    patient.write("fftkern-3.3.10.dist-info/RECORD", row + record)
    patient.write("fftkern/_core.so", content[:65536])
