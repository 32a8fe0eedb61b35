"""Which NumPy an extension module was built for, told from the module that it imports.

`import_array()` of NumPy 1's headers asks for numpy.core._multiarray_umath; that of NumPy 2's
asks for numpy._core._multiarray_umath first. A module that holds the one name alone raises
`A module that was compiled using NumPy 1.x cannot be run in NumPy 2` at its import.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gpufix.binary.elf import ElfError
from gpufix.facts.extension_names import python_tag
from gpufix.facts.library_verdicts import Judge
from gpufix.model import Distribution

_OLD = re.compile(rb"numpy\.core\._multiarray_umath")
_NEW = re.compile(rb"numpy\._core\._multiarray_umath")
_LIMIT = 64 << 20  # bytes of constants read of one module


def built_for_numpy_1(
    judge: Judge,
    distributions: Sequence[Distribution],
    paths: Iterable[str],
    belongs: Mapping[str, str],
) -> list[str]:
    """One module of each distribution that NumPy 2 refuses; none where NumPy 2 is not installed."""
    numpy = next((d.version for d in distributions if d.name == "numpy"), "")
    if not numpy.partition(".")[0].isdigit() or int(numpy.partition(".")[0]) < 2:
        return []
    users = {d.name for d in distributions if any(r.startswith("numpy") for r in d.requires)}
    users.add("torch")
    told: dict[str, bool] = {}  # a wheel is built at once: its first module that says so decides
    refused = []
    for path in paths:
        owner = belongs.get(path)
        if not _may_use(path, owner, users):
            continue
        old = told.get(owner or path)
        if old is None and (old := _refused(judge, path)) is not None:
            told[owner or path] = old
            if old:
                refused.append(path)
    return refused


def _may_use(path: str, owner: str | None, users: set[str]) -> bool:
    if owner == "torch":
        return path.endswith("/libtorch_python.so")
    return python_tag(path) is not None and owner != "numpy" and (owner is None or owner in users)


def _refused(judge: Judge, path: str) -> bool | None:
    """None when the module does not use NumPy's C interface, or cannot be read."""
    elf = judge.elf(path)
    try:
        constants = elf.section(".rodata") if elf else None
    except ElfError:
        return None
    if constants is None:
        return None
    head = constants[:_LIMIT]
    if _NEW.search(head):
        return False
    return True if _OLD.search(head) else None
