"""An egg as `bdist_egg` zips it, and an archive of a job's own modules."""

import io
import zipfile

from clinic.patient import Patient

EGG = "gridkit-1.4-py3.9.egg"
FILES = {
    "gridkit/__init__.py": "import numba\n\ntotal = numba.njit(lambda: 42)\n",
    "EGG-INFO/PKG-INFO": "Metadata-Version: 2.1\nName: gridkit\nVersion: 1.4\nRequires-Dist: numba\n",
    "EGG-INFO/requires.txt": "numba\n",
    "EGG-INFO/zip-safe": "\n",
    "EGG-INFO/top_level.txt": "gridkit\n",
}
JOBS = {
    "jobs/__init__.py": "",
    "jobs/steps.py": "import gridkit, numba\n\n\ndef run():\n    return gridkit.total() // 6\n",
}


def make(patient: Patient) -> None:
    patient.write(EGG, archive(FILES))
    patient.write("easy-install.pth", f"./{EGG}\n")
    patient.write("{root}/work/pyfiles/jobs.zip", archive(JOBS))


def archive(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in files.items():
            made.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return content.getvalue()
