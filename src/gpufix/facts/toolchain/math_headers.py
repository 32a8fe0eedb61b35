"""Functions that a CUDA toolkit and the C library both declare, with different exception specifications.

The front end of nvcc refuses the second declaration: `exception specification is incompatible with that
of previous function "cospi"`.
"""

from __future__ import annotations

import re
from pathlib import Path

from gpufix.files import read

_LIMIT = 4 << 20
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
# "extern … double cospi(double x) SPECIFIER;", wherever a line begins so.
_DECLARED = re.compile(r"^extern\s[^;()]*?\b(\w+)\([^()]*\)\s*([^;{]*);", re.M)
# glibc gives each of its functions __THROW by these macros: "__MATHCALL_VEC (cospi,, (_Mdouble_ __x));"
_OF_GLIBC = re.compile(r"^__MATH(?:CALL|DECL)\w* ?\((?:\w+, *)?(\w+) ?,", re.M)
_TOOLKIT = ("include", "targets/x86_64-linux/include", "targets/sbsa-linux/include")
_SYSTEM = ("usr/include/x86_64-linux-gnu", "usr/include/aarch64-linux-gnu", "usr/include")


def clashing(toolkit: Path, system: Path) -> tuple[str, ...]:
    """Their names, sorted. Raises ValueError without the headers of one of them."""
    theirs = _OF_GLIBC.findall(_text(system, _SYSTEM, "bits/mathcalls.h"))
    declared = _COMMENT.sub("", _text(toolkit, _TOOLKIT, "crt/math_functions.h"))
    specified: dict[str, bool] = {}
    for name, specifier in _DECLARED.findall(declared):
        # One form of several, each for its system: one with a specifier is meant for glibc.
        specified[name] = specified.get(name, False) or bool(specifier.strip())
    both = {name for base in theirs for name in (base, f"{base}f")}
    return tuple(sorted(name for name in both & specified.keys() if not specified[name]))


def _text(root: Path, folders: tuple[str, ...], header: str) -> str:
    for folder in folders:
        try:
            return read(root / folder / header, _LIMIT).decode("utf-8", "replace")
        except FileNotFoundError:
            continue
    raise ValueError(f"{header} is not found below {root}")
