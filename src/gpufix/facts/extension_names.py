"""For which Python an extension module is, told from its file name (PEP 3149, PEP 384)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import basename, dirname

_CPYTHON = re.compile(r"\.cpython-(\d)(\d+)([a-z]*)(?:-[\w-]+)?\.so$")
_OTHER = re.compile(r"\.(pypy\d+|graalpy\d+)-[\w-]+\.so$")


def python_tag(path: str) -> str | None:
    """ "cp311", "cp313t", "abi3", "pypy310"; None when the name says nothing."""
    name = basename(path)
    found = _CPYTHON.search(name)
    if found:
        return f"cp{found[1]}{found[2]}{found[3].replace('m', '')}"
    if name.endswith(".abi3.so"):
        return "abi3"
    other = _OTHER.search(name)
    return other[1] if other else None


def foreign(path: str, tag: str) -> bool:
    """Whether a Python of this tag would pass over the file."""
    own = python_tag(path)
    return own is not None and own not in (tag, "abi3")


def stray(paths: Iterable[str], tag: str) -> set[str]:
    """Modules that lie here for other Pythons alone: no file of the same name serves this one."""
    served: set[tuple[str, str]] = set()
    others: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        module = dirname(path), basename(path).partition(".")[0]
        if foreign(path, tag):
            others.setdefault(module, []).append(path)
        else:
            served.add(module)
    return {path for module, found in others.items() if module not in served for path in found}
