"""An extension whose build fixed the old C++ ABI, as torch wheels before 2.7 had it."""

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
        options = [
            "-std=c++20",
            "-D_GLIBCXX_USE_CXX11_ABI=0",
            f"-I{lib.parent / 'include'}",
            lib / "libc10.so",
        ]
        source = [include(patient), patient.case / "ext.cpp"]
        patient.run("g++", "-shared", "-fPIC", "-O0", *source, *options, "-o", target)
        files = {
            "deformconv/__init__.py": INIT,
            "deformconv/_C.cpython-311-x86_64-linux-gnu.so": target.read_bytes(),
        }
    patient.distribution("deformconv", "2.0.1", files, "Requires-Dist: torch")


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
