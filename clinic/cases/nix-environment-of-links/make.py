"""Each distribution in a folder of the store, one extension with its library there, and the view."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.layouts import apart, linked
from clinic.patient import Patient

INIT = """import ctypes, os

run = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so")).run
"""


def make(patient: Patient) -> None:
    def folder(name: str, version: str) -> Path:
        digest = hashlib.sha256(f"{name}-{version}".encode()).hexdigest()[:32]
        return patient.root / "nix" / "store" / f"{digest}-{name}-{version}"

    places = apart(patient, patient.prefix, folder)
    library = folder("zvox", "2.3") / "lib" / "libzvox.so.2"
    own = folder("python3.13-voxelkit", "0.9") / patient.site.relative_to(patient.prefix)
    extension(patient, library, own / "voxelkit")
    for place in [*places.values(), own.parents[2]]:
        linked(place, patient.prefix, whole=True)


def extension(patient: Patient, library: Path, package: Path) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "zvox.c").write_text("int zvox(void) { return 23; }\n")
        (work / "core.c").write_text("int zvox(void);\nint run(void) { return zvox(); }\n")
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        built, core = work / library.name, work / "_core.so"
        patient.run(*gcc, work / "zvox.c", f"-Wl,-soname,{library.name}", "-o", built)
        patient.run(*gcc, work / "core.c", built, f"-Wl,-rpath,{library.parent}", "-o", core)
        patient.write(library, built.read_bytes())
        patient.write(package / "_core.so", core.read_bytes())
    patient.write(package / "__init__.py", INIT)
