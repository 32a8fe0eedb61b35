"""A serving package of one's own: kernels for the CPU, for ROCm and, not shipped, for Hopper.
Each is tried and may be absent. The one for ROCm is there and needs HIP's library, which is not.
"""

from clinic.patient import Patient

INIT = '''"""Serves language models; the kernels are chosen by what can be loaded."""

import logging

from servekit import _C

logger = logging.getLogger(__name__)
kernels = {"cpu": _C}
for name, module in (("rocm", "_rocm_C"), ("hopper", "_hopper_C")):
    try:
        kernels[name] = getattr(__import__(f"servekit.{module}"), module)
    except ImportError as error:
        logger.warning("Failed to import from servekit.%s: %r", module, error)
'''


def make(patient: Patient) -> None:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    include = patient.run(patient.python, "-c", code).strip()
    build = patient.at("{root}/build")
    build.mkdir()
    flags = ["-shared", "-fPIC", f"-I{include}"]
    source = patient.case / "kernels.c"
    hip = build / "libamdhip64.so.6"
    patient.run(
        "gcc", "-shared", "-fPIC", "-Wl,-soname,libamdhip64.so.6", "-xc", "/dev/null", "-o", hip
    )
    patient.run("gcc", *flags, "-DMODULE=_C", source, "-o", build / "_C.abi3.so")
    rocm = [*flags, "-DMODULE=_rocm_C", source, "-Wl,--no-as-needed", hip]
    patient.run("gcc", *rocm, "-o", build / "_rocm_C.abi3.so")
    files = {"servekit/__init__.py": INIT}
    files |= {f"servekit/{m}": (build / m).read_bytes() for m in ("_C.abi3.so", "_rocm_C.abi3.so")}
    patient.distribution("servekit", "0.11.0", files)
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp38-abi3-linux_x86_64\n"
    patient.write("servekit-0.11.0.dist-info/WHEEL", tag)
    patient.remove("{root}/build")
