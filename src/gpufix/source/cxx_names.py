"""Names of CUDA and torch that some release took away, as one source uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gpufix.knowledge import cuda_api
from gpufix.source.cxx_code import Code
from gpufix.source.cxx_places import places
from gpufix.source.sieve import sieve

_PATTERNS = [
    (row.name, row.trigger, re.compile(row.pattern))
    for row in cuda_api.removed().values()
    if row.pattern
]
_HOLDS = sieve({*(trigger for _, trigger, _ in _PATTERNS), "cudaDeviceProp"})
_DECLARED = re.compile(r"\bcudaDeviceProp\b\s*[*&]?\s*(\w+)")


def concerns(text: str) -> bool:
    """Whether a source may use one."""
    return _HOLDS(text)


def removed(code: Code) -> list[list[Any]]:
    """[row of cuda_api, line, guards]."""
    found: list[list[Any]] = []
    for name, trigger, pattern in _PATTERNS:
        if trigger in code.text:
            found += places(code, ((name, m.start(1)) for m in pattern.finditer(code.masked)))
    return [*found, *_properties(code)]


def _properties(code: Code) -> list[list[Any]]:
    """Uses of removed fields on variables declared as cudaDeviceProp in the same file."""
    if "cudaDeviceProp" not in code.text:
        return []
    fields = [field for field in cuda_api.PROPERTIES if field in code.text]
    declared = _DECLARED.findall(code.masked) if fields else []
    if not declared:
        return []
    names = "|".join(map(re.escape, sorted(set(declared))))
    pattern = rf"(?<![\w.>])(?:{names})\s*(?:\.|->)\s*({'|'.join(fields)})\b"
    return places(code, _spans(code, pattern))


def _spans(code: Code, pattern: str) -> Iterator[tuple[str, int]]:
    for match in re.finditer(pattern, code.masked):
        yield f"cudaDeviceProp::{match[1]}", match.start(1)
