"""The C++ ABI that CMake builds hand to their compilers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gpufix.evidence.cmake_builds import CMakeRoot, roots, run
from gpufix.evidence.source_view import source_of
from gpufix.evidence.view import View
from gpufix.source.source_facts import AbiFlag

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import CMakeTarget
    from gpufix.source.builds.run import Place

_NAME = "_GLIBCXX_USE_CXX11_ABI"
_FLAG = re.compile(rf"{_NAME}=([01])(?!\w)")
_REACH = 40  # lines of a command
_TRIED = 6  # variables of callers


def fixed(view: View) -> Mapping[str, tuple[AbiFlag, ...]]:
    """Path -> the definitions that reach some target, by the line on which they stand."""
    found: dict[str, dict[tuple[int, int], AbiFlag]] = {}
    for root in roots(view):
        for target in root.build.targets:
            for place, value, sure in _of(target):
                if not sure and _chosen_by_caller(view, root, place, value):
                    continue
                for line in _literal(view, place, value):
                    guards = () if sure and root.caller != "aside" else ("?",)
                    rows = found.setdefault(place.path, {})
                    if not guards or (line, value) not in rows:
                        rows[line, value] = AbiFlag(line, value, guards)
    return {path: tuple(rows[key] for key in sorted(rows)) for path, rows in found.items()}


def _chosen_by_caller(view: View, root: CMakeRoot, place: Place, value: int) -> bool:
    """Whether a variable that a caller computes, such as from torch's own ABI, decides of it."""
    for name in [name for name, given in root.defines.items() if given is None][:_TRIED]:
        stands = [
            any((place, value) == row[:2] for target in build.targets for row in _of(target))
            for build in (
                run(view, root.path, {**root.defines, name: given}) for given in ("0", "1")
            )
        ]
        if stands[0] != stands[1]:
            return True
    return False


def _of(target: CMakeTarget) -> Iterator[tuple[Place, int, bool]]:
    """The definitions that a target's compilers get."""
    for macro in target.macros:
        if macro.name == _NAME and macro.value in ("0", "1"):
            yield macro.place, int(macro.value), macro.sure
    for said in (*target.cxx, *target.nvcc):
        for found in _FLAG.finditer(said.text):
            yield said.place, int(found[1]), said.sure


def _literal(view: View, place: Place, value: int) -> list[int]:
    """The lines of a command on which the definition stands; none where no file says it in full."""
    source = source_of(view, place.path)
    lines = source.text.split("\n")[place.line - 1 : place.line - 1 + _REACH] if source else []
    for offset, line in enumerate(lines):
        if _FLAG.search(line) and f"{_NAME}={value}" in line.split("#")[0]:
            return [place.line + offset]
    return []
