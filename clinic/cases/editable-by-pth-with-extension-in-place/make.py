"""As after `pip install -e .` of a src layout, and `build_ext --inplace` under two Pythons."""

from clinic.patient import Patient

INIT = """import torch  # noqa: F401, I001

from ._C import run
"""


def make(patient: Patient) -> None:
    package = patient.root / "checkout" / "src" / "splatkit"
    patient.write(package / "__init__.py", INIT)
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    headers = "-I" + patient.run(patient.python, "-c", code).strip()
    module = package / "_C.cpython-311-x86_64-linux-gnu.so"
    libc10 = patient.site / "torch" / "lib" / "libc10.so"
    patient.run("g++", "-shared", "-fPIC", headers, patient.case / "ext.cpp", libc10, "-o", module)
    older = module.read_bytes()
    patient.write(package / "_C.cpython-310-x86_64-linux-gnu.so", older)
    pth = {"__editable__.splatkit-0.5.0.pth": f"{package.parent}\n"}
    patient.distribution("splatkit", "0.5.0", pth, "Requires-Dist: torch")
