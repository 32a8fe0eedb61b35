"""Lines of CMake files under an option of the project's own that is off unless somebody sets it."""

from __future__ import annotations

import re

from gpufix.evidence.cmake_builds import passed
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View

_BLOCK = re.compile(
    r"^\s*(if|elseif|else|endif)\s*\(\s*([^()#]*?)\s*\)", re.IGNORECASE | re.MULTILINE
)
_OFF = re.compile(r"^\s*option\s*\(\s*(\w+)\s+\"[^\"]*\"\s+(?:OFF|FALSE|NO|0)\s*\)", re.I | re.M)
_FOR_GPU = re.compile(r"cuda|nvidia|gpu|hip|rocm|torch", re.IGNORECASE)


def switched_off(view: View, path: str, line: int) -> bool:
    """Whether such an option stands around a line, and no file of the project passes it to cmake.

    Options that are named after the GPU are what a build for one sets.
    """
    project = view.facts.project
    if project is None or not any(s.kind == "cmake" and s.path == path for s in project.sources):
        return False
    source = view.source(absolute(view, path))
    if source is None:
        return False
    given = passed(view)
    off = {name for name in _OFF.findall(source.text) if not _FOR_GPU.search(name)}
    return any(name in off and name not in given for name in _around(source.text, line))


def _around(text: str, line: int) -> list[str]:
    """The conditions that hold on a line; "" for those of an else."""
    stack: list[str] = []
    begin = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
    for match in _BLOCK.finditer(text, 0, begin):
        word = match[1].lower()
        if word == "if":
            stack.append(match[2])
        elif stack and word == "endif":
            stack.pop()
        elif stack:
            stack[-1] = match[2] if word == "elseif" else ""
    return stack
