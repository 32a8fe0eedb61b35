"""Small packages apart from those for GPUs, that may ask for what Python's library or a framework has no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gpufix.facts.libraries.modules import Modules
from gpufix.facts.reading import read
from gpufix.model import Distribution

_FRAMEWORKS = ("jax", "keras", "tensorflow", "torch", "transformers")
_HEAD, _TEXT = 16 << 10, 128 << 10
_FILES = 600  # of all of them together
_FEW = 30  # sources: one may call what another one defines
_CLASSIFIER = re.compile(rb"^Classifier: Programming Language :: Python :: 3\.(\d+)", re.MULTILINE)
_KNOWS = 13  # who knows this Python, of October 2024, may know that pkg_resources is no more


class Apart:
    """Which of them are looked at, cheapest first: their metadata, then the words of their sources."""

    def __init__(self, modules: Modules) -> None:
        self._left = _FILES
        minor = modules.version[1]
        self._lost = modules.lost
        self._knows = max(minor, _KNOWS) if "pkg_resources" in self._lost else minor
        here = [name for name in _FRAMEWORKS if modules.find(name)]
        self._speaks = re.compile(rf"\b(?:py)?(?:{'|'.join(here)})\b".encode(), re.IGNORECASE)
        self._named = bool(here)
        self._words = _Words(self._lost, here)

    def may_ask(self, dist: Distribution) -> bool:
        """Whether it is older than what its Python lost, or speaks of a framework that is here."""
        if self._left <= 0 or not dist.metadata:
            return False
        head = _metadata(dist)
        newest = max((int(found) for found in _CLASSIFIER.findall(head)), default=0)
        if self._lost and newest < self._knows:
            return True
        return self._names_one(head)

    def speaks_of_framework(self, dist: Distribution) -> bool:
        """Whether its metadata name one that is here."""
        return self._names_one(_metadata(dist))

    def _names_one(self, metadata: bytes) -> bool:
        return self._named and self._speaks.search(metadata) is not None

    def asking(self, dist: Distribution, sources: Sequence[str]) -> list[str]:
        """The sources of it that name any of that; of few, all where one does."""
        self._left -= len(sources)
        texts = ((path, _head(f"{dist.location}/{path}", _TEXT)) for path in sources)
        found = [path for path, data in texts if self._words.stand_in(data)]
        return [*sources] if found and len(sources) <= _FEW else found


class _Words:
    """What is looked for in a source: plain words first, which is ten times as fast as a pattern."""

    def __init__(self, lost: Iterable[str], frameworks: Iterable[str]) -> None:
        names: dict[str, list[str]] = {}  # by module
        for name in lost:
            module, _, last = name.rpartition(".")
            names.setdefault(module, []).append(last)
        modules = [*names.pop("", ()), *frameworks]
        self._dotted = [f"{m}.{last}".encode() for m, lasts in names.items() for last in lasts]
        self._imported = [f"{word} {m}".encode() for m in modules for word in ("import", "from")]
        self._imported += [f"from {m} import".encode() for m in names]
        ways = [rf"^[ \t]*(?:import|from) (?:{'|'.join(modules)})\b"] if modules else []
        ways += [
            rf"^from {re.escape(m)} import (?:\([^)]*|[^\n]*)\b(?:{'|'.join(lasts)})\b"
            for m, lasts in names.items()
        ]
        self._imports = re.compile("|".join(ways or ["$^"]).encode(), re.MULTILINE)

    def stand_in(self, data: bytes) -> bool:
        """Whether a source may ask for any of it."""
        if any(word in data for word in self._dotted):
            return True
        return any(word in data for word in self._imported) and bool(self._imports.search(data))


def _metadata(dist: Distribution) -> bytes:
    return _head(f"{dist.metadata}/METADATA", _HEAD)


def _head(path: str, limit: int) -> bytes:
    try:
        return read(path, limit)
    except OSError:
        return b""
