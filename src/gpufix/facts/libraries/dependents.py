"""Packages that require another one, by the modules that their users import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gpufix.facts.reading import text_of
from gpufix.model import Distribution
from gpufix.text.names import normalise

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PACKAGE = re.compile(r"^([A-Za-z]\w*)/__init__\.py,", re.MULTILINE)
_RECORD = 4 << 20


def dependents(distributions: Sequence[Distribution], owner: str) -> Iterator[tuple[str, str]]:
    """The distributions that require the owner, each with its packages."""
    for dist in distributions:
        if any(_requires(text, owner) for text in dist.requires):
            record = text_of(f"{dist.metadata}/RECORD", _RECORD)
            for package in dict.fromkeys(_PACKAGE.findall(record)):
                yield dist.name, package


def _requires(text: str, owner: str) -> bool:
    """Whether a row asks for the owner, without an extra that somebody must name."""
    name = _NAME.match(text)
    return name is not None and normalise(name[0]) == owner and "extra" not in text
