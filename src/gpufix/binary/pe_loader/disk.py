"""The only way the loader model of Windows touches the disk, on which names differ by more than case."""

from __future__ import annotations

import os

from gpufix.binary.pe import Import, PeError, PeFile
from gpufix.files import read
from gpufix.frozen import Frozen


class Bound(Frozen):
    """What of an import is not there, and what another DLL provides: (name, "OTHER.name")."""

    lacking: tuple[str, ...]
    forwarded: tuple[tuple[str, str], ...]


class PeFiles:
    """Opens PE files and lists folders, each once; names are compared as Windows does."""

    def __init__(self) -> None:
        self._opened: dict[str, PeFile | PeError] = {}
        self._names: dict[str, dict[str, str]] = {}
        self.assumed: set[str] = set()  # DLLs that may lie where nobody could look
        self._bound: dict[tuple[str, str, str], Bound] = {}

    def open(self, path: str) -> PeFile | PeError:
        """The file, or why it is none."""
        found = self._opened.get(path)
        if found is None:
            try:
                found = PeFile(path)
            except PeError as error:
                found = error
            self._opened[path] = found
        return found

    def bind(self, user: PeFile, asked: Import, provider: PeFile) -> Bound:
        """Look up what a file asks of a DLL in the one that serves it. Raises PeError."""
        key = user.path, asked.library, provider.path
        if key not in self._bound:
            exports = provider.exports
            named = [(name, exports.names.get(name)) for name in asked.names]
            named += [(f"#{n}", exports.ordinals.get(n)) for n in asked.ordinals]
            self._bound[key] = Bound(
                tuple(name for name, to in named if to is None),
                tuple((name, to) for name, to in named if to),
            )
        return self._bound[key]

    def find(self, folder: str, name: str) -> str | None:
        """The path of a name in a folder, however it is spelled; None when it is not there."""
        own = self._listed(folder).get(name.lower())
        return None if own is None else f"{folder.rstrip('/')}/{own}"

    def names_in(self, folder: str) -> frozenset[str]:
        """The names in a folder, as they are spelled; empty when there is none."""
        return frozenset(self._listed(folder).values())

    def read(self, path: str, limit: int) -> bytes:
        """At most `limit` bytes of a file; nothing when it cannot be read."""
        try:
            return read(path, limit)
        except OSError:
            return b""

    def _listed(self, folder: str) -> dict[str, str]:
        found = self._names.get(folder)
        if found is None:
            try:
                with os.scandir(folder) as entries:
                    found = {name.lower(): name for name in sorted(e.name for e in entries)}
            except (OSError, ValueError):
                found = {}
            self._names[folder] = found
        return found
