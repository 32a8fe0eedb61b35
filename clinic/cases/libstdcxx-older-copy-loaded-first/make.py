"""scanio bundles a libstdc++.so.6 under its plain name, from a system with GCC 11.

The copy is a stand-in: it has the SONAME, the version nodes up to GLIBCXX_3.4.29 and the one
function that scanio calls.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
check = _lib.check
"""
NODES = """GLIBCXX_3.4 { global: _ZSt9terminatev; local: *; };
GLIBCXX_3.4.15 { } GLIBCXX_3.4;
GLIBCXX_3.4.29 { } GLIBCXX_3.4.15;
CXXABI_1.3 { };
CXXABI_1.3.9 { } CXXABI_1.3;
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "old.map").write_text(NODES)
        (work / "old.c").write_text("void abort(void);\nvoid _ZSt9terminatev(void) { abort(); }\n")
        (work / "scan.c").write_text(
            "void _ZSt9terminatev(void);\n"
            "int check(void) { static volatile int n = 1; if (n != 1) _ZSt9terminatev();"
            " return n; }\n"
        )
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        old, scan, mesh = work / "libstdc++.so.6", work / "scan.so", work / "mesh.so"
        script = f"-Wl,--version-script={work / 'old.map'}"
        patient.run(*gcc, work / "old.c", "-Wl,-soname,libstdc++.so.6", script, "-o", old)
        runpath = "-Wl,-rpath,$ORIGIN/../scanio.libs"
        patient.run(*gcc, work / "scan.c", old, runpath, "-o", scan)
        source = patient.case / "mesh.cpp"
        patient.run("g++", "-shared", "-fPIC", "-O0", "-D_GLIBCXX_ASSERTIONS", source, "-o", mesh)
        patient.distribution(
            "scanio",
            "0.9.2",
            {
                "scanio/__init__.py": INIT,
                "scanio/_core.so": scan.read_bytes(),
                "scanio.libs/libstdc++.so.6": old.read_bytes(),
            },
        )
        patient.distribution(
            "meshcore",
            "3.1.0",
            {"meshcore/__init__.py": INIT, "meshcore/_core.so": mesh.read_bytes()},
        )
