"""Which version a fallback is installed as: the original's, so that requirements still hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from gpufix.fallbacks.catalogue import LOCAL


def choose(known: Iterable[str], required: Sequence[SpecifierSet]) -> str | None:
    """The first version with the local part "gpufix" that all of `required` admit; None: none does.

    `known` is tried first: what is installed, then the fallback's own. PEP 440 compares `==` and
    the ranges without the local part, unless the specifier has one itself.
    """
    named = (s.version.removesuffix(".*") for specs in required for s in specs)
    for text in [*known, *named]:
        version = _local(text)
        if version and all(specs.contains(version, prereleases=True) for specs in required):
            return version
    return None


def _local(text: str) -> str | None:
    try:
        return f"{Version(text).public}+{LOCAL}"
    except InvalidVersion:
        return None
