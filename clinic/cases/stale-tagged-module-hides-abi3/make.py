"""Release 2 ships _core.abi3.so; the tagged module of a build of release 1 was never removed."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

OLD = "_core.cpython-311-x86_64-linux-gnu.so"


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        gcc = ["gcc", "-shared", "-fPIC", "-O1", include(patient), patient.case / "core.c"]
        old, new = Path(folder, "old.so"), Path(folder, "new.so")
        patient.run(*gcc, "-o", old)
        patient.run(*gcc, "-DPAIRS", "-DPy_LIMITED_API=0x03090000", "-o", new)
        patient.distribution(
            "flashsort",
            "2.0.0",
            {
                "flashsort/__init__.py": "from ._core import sort, sort_pairs\n",
                "flashsort/_core.abi3.so": new.read_bytes(),
            },
        )
        patient.write(f"flashsort/{OLD}", old.read_bytes())


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
