"""A library linked with a stand-in for a C library of the future: glibc 2.48's symbol version."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_here = os.path.dirname(__file__)
_lib = ctypes.CDLL(os.path.join(_here, "_bind.so"))
ring = _lib.ring
"""
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux2014_x86_64\n"


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "future.map").write_text("GLIBC_2.48 { global: wait_on_address; local: *; };\n")
        (work / "future.c").write_text("int wait_on_address(int *p) { return *p; }\n")
        (work / "ring.c").write_text(
            "int wait_on_address(int *);\nint ring_wait(void) { int x = 7;"
            " return wait_on_address(&x); }\n"
        )
        (work / "bind.c").write_text(
            "int ring_wait(void);\nint ring(void) { return ring_wait(); }\n"
        )
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        future, lib, bind = work / "libc.so.6", work / "libringcomm.so", work / "_bind.so"
        script = f"-Wl,--version-script={work / 'future.map'}"
        soname = "-Wl,-soname,libc.so.6"
        patient.run(*gcc, "-nostdlib", work / "future.c", soname, script, "-o", future)
        soname = "-Wl,-soname,libringcomm.so"
        patient.run(*gcc, "-nostdlib", work / "ring.c", future, soname, "-o", lib)
        patient.run(*gcc, work / "bind.c", lib, "-Wl,-rpath,$ORIGIN/lib", "-o", bind)
        patient.distribution(
            "ringcomm",
            "0.3.1",
            {
                "ringcomm/__init__.py": INIT,
                "ringcomm/_bind.so": bind.read_bytes(),
                "ringcomm/lib/libringcomm.so": lib.read_bytes(),
            },
        )
        patient.write("ringcomm-0.3.1.dist-info/WHEEL", WHEEL)
