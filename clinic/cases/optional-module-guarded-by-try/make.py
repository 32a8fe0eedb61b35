"""One module of two cannot load; the import is in a try with a warning and a fallback."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

CORE = """import ctypes, os
resize = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_resize.so")).resize
"""
READER = """import ctypes, os, warnings

try:
    _fast = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "_image.so"))
except OSError as error:
    _fast = None
    warnings.warn(f"Failed to load the fast reader: {error}. You can ignore this if you do not use it.")


def read(name):
    return "fast" if _fast else "slow"
"""
INIT = """from ._core import resize


def read(name):
    from ._reader import read

    return read(name)
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        (work / "resize.c").write_text("int resize(int x) { return 2 * x; }\n")
        (work / "turbo.c").write_text("int turbo(void) { return 1; }\n")
        (work / "image.c").write_text("int turbo(void);\nint image(void) { return turbo(); }\n")
        gcc = ["gcc", "-shared", "-fPIC", "-O1"]
        turbo, image, resize = work / "turbo.so", work / "_image.so", work / "_resize.so"
        patient.run(*gcc, work / "turbo.c", "-Wl,-soname,libturbo.so.8", "-o", turbo)
        patient.run(*gcc, work / "image.c", turbo, "-o", image)
        patient.run(*gcc, work / "resize.c", "-o", resize)
        patient.distribution(
            "pixio",
            "0.20.0",
            {
                "pixio/__init__.py": INIT,
                "pixio/_core.py": CORE,
                "pixio/_reader.py": READER,
                "pixio/_resize.so": resize.read_bytes(),
                "pixio/_image.so": image.read_bytes(),
            },
        )
