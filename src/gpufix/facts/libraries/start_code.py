"""Code that a Python runs before any import: lines of .pth files, and the customizing modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from posixpath import basename

from gpufix.model import PthFile, Python

# Code of .pth files that finds no modules but the standard library's, or none; pynvml's leads to nvidia-ml-py's.
NO_HOOKS = {
    "_pynvml_redirector.pth",
    "distutils-precedence.pth",
    "_virtualenv.pth",
    "a1_coverage.pth",
    "coloredlogs.pth",
    "matplotlib.pth",
}


def telling(python: Python) -> Iterator[PthFile]:
    """The .pth files whose code may load something."""
    for pth in python.pth_files:
        if pth.runs_code and basename(pth.path) not in NO_HOOKS:
            yield pth


def customizing(python: Python) -> list[str]:
    """The modules that `site` imports when they are there."""
    return ["sitecustomize", *(["usercustomize"] if python.user_site else [])]


def runs_code(python: Python) -> bool:
    """Whether there is any."""
    if next(telling(python), None) is not None:
        return True
    places = (Path(folder, name) for folder in python.sys_path for name in customizing(python))
    return any(place.with_suffix(".py").exists() or place.is_dir() for place in places)
