"""As in a wheel whose second library lacks a search path; the module has DT_RPATH."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "quad.c").write_text("int quad(int x) { return 4 * x; }\n")
        (work / "blas.c").write_text("int quad(int);\nint blas(int x) { return quad(x) + 1; }\n")
        (work / "core.c").write_text("int blas(int);\nint run(void) { return blas(2); }\n")
        quad, blas, core = work / "libquadx.so.0", work / "libblasy.so.3", work / "_core.so"
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "quad.c", "-Wl,-soname,libquadx.so.0", "-o", quad)
        patient.run(*gcc, work / "blas.c", quad, "-Wl,-soname,libblasy.so.3", "-o", blas)
        runpath = "-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib"
        patient.run(*gcc, work / "core.c", blas, runpath, f"-Wl,-rpath-link,{work}", "-o", core)
        patient.distribution(
            "scipyblas",
            "0.3.23",
            {
                "scipyblas/__init__.py": INIT,
                "scipyblas/_core.so": core.read_bytes(),
                "scipyblas/lib/libblasy.so.3": blas.read_bytes(),
                "scipyblas/lib/libquadx.so.0": quad.read_bytes(),
            },
        )
