"""Answers about sources: what a scan of a project gives, who names a path, one text as it is.

Snapshots hold them as JSON, as source/source_facts.py says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Generic, NamedTuple, TypeVar

from gpufix.frozen import Frozen
from gpufix.source.source_facts import CxxFacts

T = TypeVar("T")
_ALWAYS = {"always": True}  # written also where it has its default, which older snapshots lack


class Unread(NamedTuple):
    """A file that was not read, and why."""

    path: str
    reason: str


class Scanned(Generic[T], Frozen):
    """What a reader tells of a project: path relative to the root -> facts, where there are any."""

    files: Mapping[str, T]
    gaps: tuple[Unread, ...]


class CxxSources(Frozen):
    """The C++, CUDA and HIP sources of a project, and what its build files say of them."""

    files: Mapping[str, CxxFacts]
    gaps: tuple[Unread, ...]
    # Sources that a HIP build takes -> whether one that knows nothing of HIP takes them as they are.
    for_hip: Mapping[str, bool] = field(default_factory=dict, metadata=_ALWAYS)
    knows_hip: bool = field(default=False, metadata=_ALWAYS)  # some build file speaks of HIP
    built: tuple[str, ...] = field(default=(), metadata=_ALWAYS)  # that build files name


class Mention(NamedTuple):
    """A file that names a path. `fetches`: it fetches submodules itself."""

    path: str
    line: int
    fetches: bool


class SourceText(Frozen):
    """A file as it is: `text` encoded again is what `sha256` is the digest of, in hexadecimal."""

    text: str
    encoding: str
    sha256: str
