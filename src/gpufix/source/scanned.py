"""Answers about sources: what a scan of a project gives, who names a path, one text as it is.

Snapshots hold them as JSON, as source/source_facts.py says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
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


class CxxFiles(Mapping[str, CxxFacts]):
    """Path -> facts of C++ files. All of them are known when somebody asks for a file, which few do.

    told: what files hold besides includes and needs. named: every file -> the names on its include
    lines, those in comments too. opening: the includes with which a file begins for certain.
    needing: the files that may need a header. `read` gives all facts of one, None where there are
    none; raises OSError and ValueError for one that has changed since, which `lost` is told.
    """

    def __init__(
        self,
        told: Mapping[str, CxxFacts],
        named: Mapping[str, tuple[str, ...]],
        opening: Mapping[str, tuple[str, ...]],
        needing: Collection[str],
        read: Callable[[str], CxxFacts | None],
    ) -> None:
        self.told, self.named, self.opening, self.needing = told, named, opening, needing
        self._read = read
        self.whole = False  # what is told is all
        self.lost: Callable[[Unread], None] | None = None
        self._known: dict[str, CxxFacts | None] = {}

    @classmethod
    def of(cls, files: Mapping[str, CxxFacts]) -> CxxFiles:
        """Files of which all is told, as those of a snapshot."""
        if isinstance(files, CxxFiles):
            return files
        named = {path: tuple(row.name for row in facts.includes) for path, facts in files.items()}
        needing = [path for path, facts in files.items() if facts.needs]
        found = cls(files, named, {}, needing, files.get)
        found.whole = True
        return found

    def __getitem__(self, path: str) -> CxxFacts:
        if path not in self._known and path in self.named:
            try:
                self._known[path] = self._read(path)
            except (OSError, ValueError) as error:
                self._known[path] = None
                if self.lost is not None:
                    self.lost(Unread(path, getattr(error, "strerror", None) or str(error)))
        facts = self._known.get(path)
        if facts is None:
            raise KeyError(path)
        return facts

    def __iter__(self) -> Iterator[str]:
        return (path for path in self.named if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


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
