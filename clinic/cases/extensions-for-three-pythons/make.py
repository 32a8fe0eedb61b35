"""One package for three Pythons: an extension for each lies in the same folder, as in a wheel
that is built once for all and tagged py3-none."""

from clinic.patient import Patient

INIT = '''"""Distances between points."""

from pointkit._ops import *  # noqa: F403
'''


def make(patient: Patient) -> None:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    include = patient.run(patient.python, "-c", code).strip()
    out = patient.at("{root}/ops.so")
    patient.run("gcc", "-shared", "-fPIC", f"-I{include}", patient.case / "ops.c", "-o", out)
    files: dict[str, str | bytes] = {"pointkit/__init__.py": INIT}
    for python in ("39", "310", "311"):
        files[f"pointkit/_ops.cpython-{python}-x86_64-linux-gnu.so"] = out.read_bytes()
    patient.distribution("pointkit", "1.4.0", files)
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux2014_x86_64\n"
    patient.write("pointkit-1.4.0.dist-info/WHEEL", tag)
    patient.remove("{root}/ops.so")
