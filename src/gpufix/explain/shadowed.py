"""A file or folder of the program that bears the name of a module of Python's, and is imported in its place."""

from __future__ import annotations

import re
import sys
from itertools import pairwise

from gpufix.explain.explanation import Explanation, Refiner, Told
from gpufix.explain.frames import Frame, frames_before
from gpufix.explain.log_scan import Hit

_IMPORTS = re.compile(r"(?:^|;\s*)(?:import|from)\s+(?P<module>[A-Za-z_]\w*)\b(?!\s*=)")
# As Python says it: the file that was asked; from 3.13 on what to rename; that an import is not done yet.
_ASKED = re.compile(r"from ['\"`](?P<module>\w+)(?:\.\w+)*['\"`] \((?P<path>[^)\n]{1,300}\.py)\)")
_RENAME = re.compile(r"consider renaming ['\"`](?P<path>[^'\"`\n]{1,300})['\"`]")
_PARTIAL = re.compile(r"partially initialized module ['\"`](?P<module>\w+)['\"`]")


def unless_shadowed(refiner: Refiner) -> Refiner:
    """The same, where no file of the program stands for a module of Python's."""

    def refined(explanation: Explanation, hit: Hit) -> Explanation | None:
        told = _shadowed(hit)
        if told is None:
            return refiner(explanation, hit)
        return told.of(explanation.but(rule=None, role="cause"))

    return refined


def _shadowed(hit: Hit) -> Told | None:
    if named := _RENAME.search(hit.shown):
        path = named["path"]
        return _rename(path, re.split(r"[/\\]", path)[-1].removesuffix(".py"))
    asked = _ASKED.search(hit.shown)
    if (
        asked
        and asked["module"] in sys.stdlib_module_names
        and Frame(asked["path"].replace("\\", "/"), "").own
    ):
        return _rename(asked["path"], asked["module"])
    shown = [one for one in frames_before(hit) if not one.path.startswith("<frozen")]
    for frame, below in pairwise(shown):
        for found in _IMPORTS.finditer(frame.code):
            if found["module"] in sys.stdlib_module_names and _is_file_of(found["module"], below):
                return _rename(below.path, found["module"])
    half = _PARTIAL.search(hit.shown)
    if half and half["module"] in sys.stdlib_module_names:
        return _rename(f"{half['module']}.py, or a folder of that name,", half["module"])
    return None


def _is_file_of(module: str, frame: Frame) -> bool:
    return frame.own and bool(re.search(rf"(?:^|/){module}(?:/__init__)?\.py$", frame.path))


def _rename(path: str, module: str) -> Told:
    whose = "a module of Python's" if module in sys.stdlib_module_names else "a library"
    return Told(
        f"{path} bears the name of {whose}, {module}, and is imported in its place: what is asked of {module} is not in it.",
        "Rename it, and delete its __pycache__. Where it is a part of a package, start that from the folder above (`python -m PACKAGE`). The "
        "package's own folder is not to be searched first (PYTHONPATH, sys.path; `python -P` leaves out the script's). "
        f'`python -c "import {module}; print({module})"` shows which one is found.',
    )
