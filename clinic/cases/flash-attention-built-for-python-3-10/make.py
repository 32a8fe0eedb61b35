"""Somebody copied site-packages of a Python 3.10: the package of two halves, its extension
beside it. The code is a stand-in of one's own; names and layout are those of the package."""

from clinic.patient import Patient

INIT = '''"""Attention, a stand-in: only how the package finds its extension is of interest."""

__version__ = "2.8.3"

import flash_attn_2_cuda as kernels

__all__ = ["kernels"]
'''


def make(patient: Patient) -> None:
    include = patient.run(
        patient.python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"
    )
    out = patient.at("{root}/module.so")
    source = patient.case / "module.c"
    patient.run("gcc", "-shared", "-fPIC", f"-I{include.strip()}", source, "-o", out)
    files = {
        "flash_attn/__init__.py": INIT,
        "flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so": out.read_bytes(),
    }
    patient.distribution("flash-attn", "2.8.3", files)
    tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp310-cp310-linux_x86_64\n"
    patient.write("flash_attn-2.8.3.dist-info/WHEEL", tag)
    patient.remove("{root}/module.so")
