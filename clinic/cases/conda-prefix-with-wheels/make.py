"""A whole interpreter in the prefix, a package of conda's with its library in lib/, and conda-meta."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.layouts import interpreter
from clinic.patient import Patient

INIT = """import ctypes, os

run = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_ops.so")).run
"""
FILES = {
    "libmesh": ["lib/libmesh.so.3", "lib/libmesh.so"],
    "libstdcxx-ng": ["lib/libstdc++.so.6"],
    "mesh-ops": ["mesh_ops/__init__.py", "mesh_ops/_ops.so"],
}


def make(patient: Patient) -> None:
    interpreter(patient, patient.prefix)
    patient.remove("{prefix}/pyvenv.cfg")
    lib = patient.prefix / "lib"
    runtime = Path(patient.run("g++", "-print-file-name=libstdc++.so.6").strip())
    patient.write(lib / "libstdc++.so.6", runtime.resolve().read_bytes())
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "mesh.cpp").write_text(
            '#include <string>\nextern "C" int mesh(int n) { return std::to_string(n).size(); }\n'
        )
        (work / "ops.c").write_text("int mesh(int);\nint run(void) { return mesh(1234567); }\n")
        soname = "-Wl,-soname,libmesh.so.3"
        library, module = work / "libmesh.so.3", work / "_ops.so"
        shared = ["-shared", "-fPIC", "-O1"]
        own = "-Wl,-rpath,$ORIGIN"
        patient.run("g++", *shared, work / "mesh.cpp", soname, own, "-o", library)
        up = "-Wl,-rpath,$ORIGIN/../../../"
        patient.run("gcc", *shared, work / "ops.c", library, up, "-o", module)
        patient.write(lib / "libmesh.so.3", library.read_bytes())
        (lib / "libmesh.so").symlink_to("libmesh.so.3")
        patient.write("mesh_ops/__init__.py", INIT)
        patient.write("mesh_ops/_ops.so", module.read_bytes())
    site = patient.site.relative_to(patient.prefix)
    for name, files in FILES.items():
        paths = [f if f.startswith("lib/") else f"{site}/{f}" for f in files]
        row = {"name": name, "version": "3.1.0", "build": "h59595ed_0", "files": paths}
        row |= {"channel": "conda-forge", "depends": [], "build_number": 0}
        patient.write(f"{{prefix}}/conda-meta/{name}-3.1.0-h59595ed_0.json", json.dumps(row))
    patient.write("{prefix}/conda-meta/history", "==> 2026-11-30 10:00:00 <==\n")
