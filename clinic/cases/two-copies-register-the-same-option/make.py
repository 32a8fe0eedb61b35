"""Both modules contain the option registry of one compiler framework, with its symbols exported."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

INIT = """import ctypes, os
_path = os.path.join(os.path.dirname(__file__), "_core.so")
_lib = ctypes.CDLL(_path, mode=ctypes.@MODE@)
run = _lib.run
"""


def make(patient: Patient) -> None:
    modes = {"jitfront": ("2.0.0", "RTLD_GLOBAL"), "kernelgen": ("0.6.0", "RTLD_LOCAL")}
    with TemporaryDirectory(dir=patient.root) as folder:
        core = Path(folder, "_core.so")
        patient.run("gcc", "-shared", "-fPIC", "-O1", patient.case / "registry.c", "-o", core)
        content = core.read_bytes()
    for name, (version, mode) in modes.items():
        init = INIT.replace("@MODE@", mode)
        files: dict[str, str | bytes] = {f"{name}/__init__.py": init, f"{name}/_core.so": content}
        patient.distribution(name, version, files)
