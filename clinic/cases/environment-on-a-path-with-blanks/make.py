"""An extension of torch, and its own library in the environment's lib folder."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import torch  # noqa: F401, I001

from ._C import run
"""


def make(patient: Patient) -> None:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    headers = "-I" + patient.run(patient.python, "-c", code).strip()
    with TemporaryDirectory(dir=patient.root) as folder:
        work = Path(folder)
        library, module = work / "liblut.so.1", work / "_C.so"
        (work / "lut.cpp").write_text('extern "C" int lut(void) { return 1; }\n')
        shared = ["g++", "-shared", "-fPIC", "-O0", headers]
        patient.run(*shared, work / "lut.cpp", "-Wl,-soname,liblut.so.1", "-o", library)
        needs = [library, patient.site / "torch" / "lib" / "libc10.so"]
        up = "-Wl,-rpath,$ORIGIN/../../.."
        patient.run(*shared, patient.case / "ext.cpp", *needs, up, "-o", module)
        patient.write("{prefix}/lib/liblut.so.1", library.read_bytes())
        files = {
            "trilut/__init__.py": INIT,
            "trilut/_C.cpython-311-x86_64-linux-gnu.so": module.read_bytes(),
        }
    patient.distribution("trilut", "1.0.0", files, "Requires-Dist: torch")
