"""The extension was linked with libkern 2.1; the environment has libkern 2.0, of the same SONAME."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

OLD = "KERN_2.0 { global: kern_scale; local: *; };\n"
NEW = OLD + "KERN_2.1 { global: kern_fused; } KERN_2.0;\n"
INIT = """import ctypes, os
_lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_kernels.so"))
run = _lib.run
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        for name, script, flags in (("old", OLD, []), ("new", NEW, ["-DFUSED"])):
            (work / name).mkdir()
            (work / f"{name}.map").write_text(script)
            link = ["-Wl,-soname,libkern.so.2", f"-Wl,--version-script={work / name}.map"]
            target = work / name / "libkern.so.2"
            shared(patient, "kern.c", target, *flags, *link)
        runpath = "-Wl,-rpath,$ORIGIN/../kernlib/lib"
        shared(patient, "attn.c", work / "_kernels.so", work / "new" / "libkern.so.2", runpath)
        patient.distribution(
            "kernlib",
            "2.0.3",
            {
                "kernlib/__init__.py": "",
                "kernlib/lib/libkern.so.2": (work / "old" / "libkern.so.2").read_bytes(),
            },
        )
        patient.distribution(
            "fastattn",
            "1.4.0",
            {
                "fastattn/__init__.py": INIT,
                "fastattn/_kernels.so": (work / "_kernels.so").read_bytes(),
            },
            "Requires-Dist: kernlib>=2.0",
        )


def shared(patient: Patient, source: str, target: Path, *options: str | Path) -> None:
    patient.run("gcc", "-shared", "-fPIC", "-O1", patient.case / source, *options, "-o", target)
