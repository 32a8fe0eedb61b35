"""The library was linked by its full path and has no SONAME.

The link is made here with a path of the same length below the patient, which is then replaced in
the dynamic string table: no file outside the patient is needed.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_core.so"))
run = _lib.run
"""

BUILT = "/build/scratch/blasx-2.1/out/libblasx.so"


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "lib.c").write_text("int gemm(int x) { return x + 1; }\n")
        (work / "core.c").write_text("int gemm(int);\nint run(void) { return gemm(4); }\n")
        name = "/libblasx.so"
        relative = "b" * (len(BUILT) - len(name)) + name
        lib, core = work / relative, work / "_core.so"
        lib.parent.mkdir()
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        patient.run(*gcc, work / "lib.c", "-o", lib)
        # A relative path with a slash is recorded as it is given.
        options = ["-Wl,--enable-new-dtags,-rpath,$ORIGIN", "-o", core]
        patient.run(*gcc, work / "core.c", relative, *options, cwd=work)
        content = core.read_bytes()
        assert relative.encode() in content
        patient.distribution(
            "blasx",
            "2.1.0",
            {
                "blasx/__init__.py": INIT,
                "blasx/_core.so": content.replace(relative.encode(), BUILT.encode()),
                "blasx/libblasx.so": lib.read_bytes(),
            },
        )
