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
    """Modules that NumPy 2 refuses; none are looked for where NumPy 2 is not installed."""
    numpy = next((d.version for d in distributions if d.name == "numpy"), "")
    if not numpy.partition(".")[0].isdigit() or int(numpy.partition(".")[0]) < 2:
        return []
    users = {d.name for d in distributions if any(r.startswith("numpy") for r in d.requires)}
    users.add("torch")
    return [p for p in paths if _may_use(p, belongs.get(p), users) and _refused(judge, p)]


def _may_use(path: str, owner: str | None, users: set[str]) -> bool:
    if owner == "torch":
        return path.endswith("/libtorch_python.so")
    return python_tag(path) is not None and owner != "numpy" and (owner is None or owner in users)


def _refused(judge: Judge, path: str) -> bool:
    elf = judge.elf(path)
    try:
        constants = elf.section(".rodata") if elf else None
    except ElfError:
        return False
    if constants is None:
        return False
    head = constants[:_LIMIT]
    return _OLD.search(head) is not None and _NEW.search(head) is None
