"""A module whose file is called _core.so, as CMake names it: no tag tells the Python it is for."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_core.so")
        gcc = ["gcc", "-shared", "-fPIC", "-O1", include(patient)]
        patient.run(*gcc, patient.case / "core.c", "-o", target)
        patient.distribution(
            "bvhtree",
            "0.7.0",
            {
                "bvhtree/__init__.py": "from ._core import is_leaf\n",
                "bvhtree/_core.so": target.read_bytes(),
            },
        )


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
