"""What a compiled extension asks of the torch that it is loaded into."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufix.inspection.record import Inspection

_CUDART = re.compile(r"libcudart\.so\.(\d+)")


@dataclass(frozen=True)
class Extension:
    """`releases` None: its symbols do not say (no torch names, or not x86-64).

    `cuda`: the major whose runtime library it needs. `pythons`: tags it is built for, () = any.
    """

    name: str
    releases: tuple[str, ...] | None = None
    cxx11_abi: int | None = None
    cuda: str | None = None
    pythons: tuple[str, ...] = ()
    newer: bool = False  # asks for names that no known release has yet


def of_inspection(found: Inspection) -> Extension:
    """From a file, a wheel or an installed distribution that was read."""
    need = found.torch
    needed = [name for file in found.files for name in file.needed]
    modules = [f for f in found.files if f.python_tag]
    return Extension(
        name=f"{found.name} {found.version}" if found.name else found.subject.rpartition("/")[2],
        releases=tuple(need.releases) if need else None,
        cxx11_abi=found.cxx11_abi,
        cuda=cuda_major(needed),
        pythons=tuple(sorted({f.python_tag for f in modules if f.python_tag})),
        newer=bool(need and need.newer),
    )


def cuda_major(needed: Iterable[str]) -> str | None:
    """The CUDA major of the runtime among NEEDED libraries; None = none, or several."""
    majors = {m[1] for name in needed if (m := _CUDART.match(name))}
    return majors.pop() if len(majors) == 1 else None
