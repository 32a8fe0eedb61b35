"""The cores 4 to 7, each linked with its own release of libavx; release 6 is installed."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_here = os.path.dirname(__file__)
_said = []
for version in (7, 6, 5, 4):
    try:
        _core = ctypes.CDLL(os.path.join(_here, f"libframegrab_core{version}.so"))
        break
    except OSError as error:
        _said.append(f"release {version}: {error}")
else:
    raise RuntimeError("Could not load libframegrab: " + "; ".join(_said))
api = _core.api
"""
SONAMES = {4: 56, 5: 57, 6: 58, 7: 59}


def make(patient: Patient) -> None:
    files: dict[str, str | bytes] = {"framegrab/__init__.py": INIT}
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "core.c").write_text("int avx(void);\nint api(void) { return avx() + 6; }\n")
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        for version, number in SONAMES.items():
            lib, core = work / f"libavx.so.{number}", work / f"libframegrab_core{version}.so"
            (work / "avx.c").write_text(f"int avx(void) {{ return {version}000; }}\n")
            soname = f"-Wl,-soname,{lib.name}"
            patient.run(*gcc, work / "avx.c", soname, "-o", lib)
            runpath = "-Wl,-rpath,$ORIGIN/../avx/lib"
            patient.run(*gcc, work / "core.c", lib, runpath, "-o", core)
            files[f"framegrab/{core.name}"] = core.read_bytes()
        found = (work / "libavx.so.58").read_bytes()
    patient.distribution("avx", "6.1.0", {"avx/lib/libavx.so.58": found})
    patient.distribution("framegrab", "0.9.0", files, "Requires-Dist: avx>=4,<8")
