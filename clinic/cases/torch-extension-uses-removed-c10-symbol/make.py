"""An extension that was linked when libc10.so still had c10::impl::cow::materialize_cow_storage."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import torch  # noqa: F401

from ._C import run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_C.so")
        lib = patient.site / "torch" / "lib"
        options = [lib / "libc10.so"]
        source = [include(patient), patient.case / "ext.cpp"]
        patient.run("g++", "-shared", "-fPIC", "-O0", *source, *options, "-o", target)
        files = {
            "epcomm/__init__.py": INIT,
            "epcomm/_C.cpython-311-x86_64-linux-gnu.so": target.read_bytes(),
        }
    patient.distribution("epcomm", "0.7.1", files, "Requires-Dist: torch")


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
