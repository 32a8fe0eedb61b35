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
        self._asks = _asking(self._lost, here)

    def may_ask(self, dist: Distribution) -> bool:
        """Whether it is older than what its Python lost, or speaks of a framework that is here."""
        if self._left <= 0 or not dist.metadata:
            return False
        head = _head(f"{dist.metadata}/METADATA", _HEAD)
        newest = max((int(found) for found in _CLASSIFIER.findall(head)), default=0)
        if self._lost and newest < self._knows:
            return True
        return self.speaks_of_framework(dist)

    def speaks_of_framework(self, dist: Distribution) -> bool:
        """Whether its metadata name one that is here."""
        head = _head(f"{dist.metadata}/METADATA", _HEAD)
        return self._named and self._speaks.search(head) is not None

    def asking(self, dist: Distribution, sources: Sequence[str]) -> list[str]:
        """The sources of it that name any of that; of few, all where one does."""
        self._left -= len(sources)
        found = [p for p in sources if self._asks.search(_head(f"{dist.location}/{p}", _TEXT))]
        return [*sources] if found and len(sources) <= _FEW else found


def _asking(lost: Iterable[str], frameworks: Iterable[str]) -> re.Pattern[bytes]:
    names: dict[str, list[str]] = {}  # by module
    for name in lost:
        module, _, last = name.rpartition(".")
        names.setdefault(module, []).append(last)
    modules = "|".join([*names.pop("", ()), *frameworks])
    ways = [rf"^[ \t]*(?:import|from)[ \t]+(?:{modules})\b"] if modules else []
    for module, lasts in names.items():
        every = "|".join(lasts)
        ways.append(rf"\b{re.escape(module)}\.(?:{every})\b")
        ways.append(
            rf"^from[ \t]+{re.escape(module)}[ \t]+import[ \t]*(?:\([^)]*|[^\n]*)\b(?:{every})\b"
        )
    return re.compile("|".join(ways or ["$^"]).encode(), re.MULTILINE)


def _head(path: str, limit: int) -> bytes:
    try:
        return read(path, limit)
    except OSError:
        return b""
