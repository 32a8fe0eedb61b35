"""C++ names for messages: by the grammar here, what that leaves by `c++filt`, within bounds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence

from gpufix.binary.demangle.decorated import undecorated
from gpufix.binary.demangle.qualified import demangle_one
from gpufix.files import is_binary
from gpufix.process import Limits, NotStarted, Program, run


def demangle(names: Iterable[str], use_filter: bool = True) -> dict[str, str]:
    """Each mangled name → readable C++, or the name itself when neither way can.

    use_filter: ask `c++filt` on PATH for what the own grammar does not cover.
    """
    found = {name: undecorated(name) or demangle_one(name) for name in names}
    left = [name for name, text in found.items() if text is None and name.startswith("_Z")]
    filtered = through_filter(left) if left and use_filter else {}
    return {name: text or filtered.get(name, name) for name, text in found.items()}


TIMEOUT = 2.0  # seconds
MAX_INPUT = 1 << 15  # bytes
MAX_OUTPUT = 1 << 20  # bytes
_NAME = re.compile(r"_Z[A-Za-z0-9_.$]+")


def through_filter(names: Sequence[str]) -> dict[str, str]:
    """Those of `names` that c++filt demangles; {} when it is absent or fails."""
    found = shutil.which("c++filt")
    affordable = _affordable(names)
    # Of a script nobody knows what it does, and PATH begins with what is examined when that is active.
    if found is None or not affordable or not found.startswith("/") or not is_binary(found):
        return {}
    program = Program([found], given=("\n".join(affordable) + "\n").encode("ascii"))
    try:
        answer = run(program, Limits(TIMEOUT, kept=MAX_OUTPUT, most=MAX_OUTPUT, grace_s=0.0))
    except NotStarted:
        return {}
    lines = answer.stdout.split("\n")
    if len(lines) != len(affordable) + 1:
        return {}
    return {name: line for name, line in zip(affordable, lines, strict=False) if line != name}


def _affordable(names: Sequence[str]) -> list[str]:
    kept, size = [], 0
    for name in names:
        if _NAME.fullmatch(name) and size + len(name) + 1 <= MAX_INPUT:
            kept.append(name)
            size += len(name) + 1
    return kept
