"""A package that was built once for each Python into the same folder, as on a shared drive."""

from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

# By tag: what the module answers, and what it calls of a C API that a release build of 3.11 lacks.
TAGS = {
    "cpython-310-x86_64-linux-gnu": ("310", ""),
    "cpython-311-x86_64-linux-gnu": ("311", ""),
    "cpython-311d-x86_64-linux-gnu": ("311", "_Py_RefTotal"),
    "cpython-312-x86_64-linux-gnu": ("312", "PyType_FromMetaclass"),
    "cpython-313t-x86_64-linux-gnu": ("313", "PyUnstable_Module_SetGIL"),
    "cpython-311-aarch64-linux-gnu": ("311", ""),
}


def make(patient: Patient) -> None:
    files: dict[str, str | bytes] = {
        "tilekit/__init__.py": "from . import _core\n\nanswer = _core.answer\n"
    }
    with TemporaryDirectory(dir=patient.root) as folder:
        for tag, (number, api) in TAGS.items():
            target = Path(folder, f"_core.{tag}.so")
            options = [f"-DANSWER={number}", *([f"-DAPI={api}"] if api else [])]
            gcc = ["gcc", "-shared", "-fPIC", "-O1", include(patient)]
            patient.run(*gcc, *options, patient.case / "core.c", "-o", target)
            content = target.read_bytes()
            if "aarch64" in tag:  # e_machine
                content = content[:18] + (183).to_bytes(2, "little") + content[20:]
            files[f"tilekit/{target.name}"] = content
    patient.distribution("tilekit", "1.0.0", files)


def include(patient: Patient) -> str:
    code = "import sysconfig; print(sysconfig.get_path('include'))"
    return "-I" + patient.run(patient.python, "-c", code).strip()
