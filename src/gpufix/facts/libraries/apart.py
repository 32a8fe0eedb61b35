"""Small packages apart from those for GPUs, that may ask for what Python's library or a framework has no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gpufix.facts.libraries.modules import Modules
from gpufix.facts.reading import read
from gpufix.model import Distribution

_FRAMEWORKS = ("jax", "keras", "tensorflow", "torch", "transformers")
_HEAD, _TEXT = 16 << 10, 128 << 10
_FILES = 1_000  # of all of them together
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
        try:
            head = read(f"{dist.metadata}/METADATA", _HEAD)
        except OSError:
            return False
        newest = max((int(found) for found in _CLASSIFIER.findall(head)), default=0)
        if self._lost and newest < self._knows:
            return True
        return self._named and self._speaks.search(head) is not None

    def asks(self, dist: Distribution, sources: Sequence[str]) -> bool:
        """Whether a source of it names any of that."""
        self._left -= len(sources)
        return any(self._asks.search(_head(f"{dist.location}/{path}")) for path in sources)


def _asking(lost: Iterable[str], frameworks: Iterable[str]) -> re.Pattern[bytes]:
    names = [name for name in lost if "." in name]
    modules = "|".join([*(name for name in lost if "." not in name), *frameworks]) or "$^"
    tops = "|".join({name.rpartition(".")[0] for name in names}) or "$^"
    dotted = "|".join(map(re.escape, names)) or "$^"
    return re.compile(
        rf"^[ \t]*(?:import|from)[ \t]+(?:{modules})\b|^from[ \t]+(?:{tops})[ \t]+import\b|\b(?:{dotted})\b".encode(),
        re.MULTILINE,
    )


def _head(path: str) -> bytes:
    try:
        return read(path, _TEXT)
    except OSError:
        return b""
