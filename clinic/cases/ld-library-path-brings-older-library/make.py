"""A cluster's module file exports the library folder of a runtime of its own, release 6.2."""

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
        (work / "core.c").write_text(
            "int rt_graph_launch(int);\nint run(void) { return rt_graph_launch(8); }\n"
        )
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        old, new, core = work / "old.so", work / "libgpurt.so.6", work / "_core.so"
        soname = "-Wl,-soname,libgpurt.so.6"
        patient.run(*gcc, patient.case / "gpurt.c", soname, "-o", old)
        patient.run(*gcc, "-DGRAPHS", patient.case / "gpurt.c", soname, "-o", new)
        runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib"
        patient.run(*gcc, work / "core.c", new, runpath, "-o", core)
        patient.write(patient.root / "opt/gpurt-6.2/lib/libgpurt.so.6", old.read_bytes())
        patient.distribution(
            "gpugraph",
            "6.4.0",
            {
                "gpugraph/__init__.py": INIT,
                "gpugraph/_core.so": core.read_bytes(),
                "gpugraph/lib/libgpurt.so.6": new.read_bytes(),
            },
        )
