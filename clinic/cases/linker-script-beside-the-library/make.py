"""Headers and a linker script are shipped for those who build against the package."""

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
        (work / "lib.c").write_text("int fft(int x) { return x + 1; }\n")
        (work / "core.c").write_text("int fft(int);\nint run(void) { return fft(9); }\n")
        lib, core = work / "libfftx.so.3", work / "_core.so"
        (work / "libfftx.so").write_text("INPUT(libfftx.so.3)\n")
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-Wl,-soname,libfftx.so.3", "-o", lib)
        options = [f"-L{work}", "-lfftx", "-Wl,-rpath,$ORIGIN/lib"]
        patient.run(*gcc, work / "core.c", *options, "-o", core)
        patient.distribution(
            "fftx",
            "3.0.2",
            {
                "fftx/__init__.py": INIT,
                "fftx/_core.so": core.read_bytes(),
                "fftx/include/fftx.h": "int fft(int);\n",
                "fftx/lib/libfftx.so": (work / "libfftx.so").read_bytes(),
                "fftx/lib/libfftx.so.3": lib.read_bytes(),
            },
        )
