"""A small package with a module that needs a library of its own by $ORIGIN, and true metadata."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path

import needs

SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
VERSION = f"python3.{sys.version_info[1]}"
_DEP = "int dep(void) { return 42; }"
_MODULE = """
#include <Python.h>
int dep(void);
static struct PyModuleDef made = {PyModuleDef_HEAD_INIT, "_m", 0, -1, 0};
PyMODINIT_FUNC PyInit__m(void) { dep(); return PyModule_Create(&made); }
"""
_METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp3{sys.version_info[1]}-cp3"
    f"{sys.version_info[1]}-linux_x86_64\n",
}


def built(folder: Path) -> Path:
    """The unpacked package, with true metadata."""
    needs.require("gcc", "Python.h")
    for name, text in {"dep.c": _DEP, "_m.c": _MODULE}.items():
        (folder / name).write_text(text)
    site = folder / "site"
    for name in ("demo", "demo.libs", "demo-1.0.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "demo/__init__.py").write_text("from demo import _m\n")
    _gcc(folder, "dep.c", "site/demo.libs/libdep.so", "-Wl,-soname,libdep.so")
    own = ["-Lsite/demo.libs", "-ldep", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../demo.libs"]
    include = f"-I{sysconfig.get_paths()['include']}"
    _gcc(folder, "_m.c", f"site/demo/_m{SUFFIX}", include, *own)
    info = site / "demo-1.0.dist-info"
    for name, text in {**_METADATA, "INSTALLER": "pip\n"}.items():
        (info / name).write_text(text)
    rows = [_row(path, site) for path in sorted(site.rglob("*")) if path.is_file()]
    (info / "RECORD").write_text("".join(rows) + "demo-1.0.dist-info/RECORD,,\n")
    return site


def _gcc(folder: Path, source: str, target: str, *flags: str) -> None:
    command = ["gcc", "-shared", "-fPIC", source, "-o", target, *flags]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _row(path: Path, site: Path) -> str:
    data = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"{path.relative_to(site)},sha256={digest},{len(data)}\n"
