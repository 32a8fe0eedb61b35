"""The layout of bdist_egg: a zip file on the path of easy-install.pth, with a loader stub."""

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from clinic.patient import Patient

EGG = "vadlib-2.0.10-py3.11-linux-x86_64.egg"
MODULE = "vadlib/_core.cpython-311-x86_64-linux-gnu.so"
STUB = """import importlib.util, os, sys


def __bootstrap__():
    archive = __loader__.archive
    name = "@MODULE@"
    home = os.environ.get("PYTHON_EGG_CACHE") or os.path.expanduser("~/.cache/Python-Eggs")
    path = os.path.join(home, os.path.basename(archive) + "-tmp", name)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(__loader__.get_data(os.path.join(archive, name)))
    spec = importlib.util.spec_from_file_location(__name__, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[__name__] = module


__bootstrap__()
"""


def make(patient: Patient) -> None:
    with TemporaryDirectory(dir=patient.root) as folder:
        target = Path(folder, "_core.so")
        code = "import sysconfig; print(sysconfig.get_path('include'))"
        headers = "-I" + patient.run(patient.python, "-c", code).strip()
        gcc = ["gcc", "-shared", "-fPIC", "-O1", headers]
        patient.run(*gcc, patient.case / "core.c", "-o", target)
        module = target.read_bytes()
    files: dict[str, str | bytes] = {
        "vadlib/__init__.py": "from . import _core\n\nanswer = _core.answer\n",
        "vadlib/_core.py": STUB.replace("@MODULE@", MODULE),
        MODULE: module,
        "EGG-INFO/PKG-INFO": "Metadata-Version: 2.1\nName: vadlib\nVersion: 2.0.10\n",
        "EGG-INFO/native_libs.txt": f"{MODULE}\n",
        "EGG-INFO/zip-safe": "\n",
        "EGG-INFO/top_level.txt": "vadlib\n",
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as egg:
        for name, content in files.items():
            egg.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    patient.write(EGG, archive.getvalue())
    patient.write("easy-install.pth", f"./{EGG}\n")
