"""Where a needed library is looked for: glibc's order (elf/dl-load.c) and musl's (ldso/dynlink.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.binary.elf.constants import DF_1_NODEFLIB

from .cache import FLAGS
from .files import Files
from .model import Place, Reason
from .namespace import Loaded
from .system import System

_TOKEN = re.compile(r"\$(?:(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_])|\{(ORIGIN|LIB|PLATFORM)\})")
Step = tuple[Place, str]
"""A rule's folder, and the file to try."""


def expand(text: str, origin: str, system: System) -> str:
    """Replace $ORIGIN, $LIB and $PLATFORM, with or without braces."""
    if "$" not in text:
        return text
    values = {"ORIGIN": origin, "LIB": system.lib, "PLATFORM": system.machine}
    return _TOKEN.sub(lambda found: values[found[1] or found[2]], text)


class Search:
    """Lists the files to try for a name, in order; `library_path` is LD_LIBRARY_PATH."""

    def __init__(self, files: Files, system: System, library_path: str) -> None:
        self.files = files
        self.system = system
        self.library_path = library_path
        self._folders: dict[tuple[str, str], tuple[str, ...]] = {}

    def steps(self, name: str, needed_by: Loaded, program: Loaded) -> Iterator[Step]:
        """What would be opened, one after the other, until one fits."""
        origin = needed_by.origin
        if "/" in name:
            path = expand(name, origin, self.system)
            yield Place(path.rpartition("/")[0], "path"), path
            return
        rules = self._musl(needed_by) if self.system.musl else self._glibc(needed_by, program)
        for reason, folder in rules:
            if reason == "cache":
                yield from self._cache_steps(name)
            else:
                yield from self._folder_steps(folder, name, reason)

    def _glibc(self, needed_by: Loaded, program: Loaded) -> Iterator[tuple[Reason, str]]:
        elf = needed_by.library.elf
        if elf.runpath is None:
            for ancestor in _ancestors(needed_by, program):
                yield from self._own(ancestor, ancestor.library.elf.rpath, "rpath")
        for folder in self._list(self.library_path, program.origin, r"[:;]"):
            yield "LD_LIBRARY_PATH", folder
        if elf.runpath is not None:
            yield from self._own(needed_by, elf.runpath, "runpath", ignored=False)
        if not elf.flags_1 & DF_1_NODEFLIB:
            yield "cache", ""
            for folder in self.system.folders:
                yield "default", folder

    def _musl(self, needed_by: Loaded) -> Iterator[tuple[Reason, str]]:
        for folder in self._list(self.library_path, "", r"[:\n]"):
            yield "LD_LIBRARY_PATH", folder
        ancestor: Loaded | None = needed_by
        while ancestor is not None:
            # musl takes both tags for the same, and lets dependencies inherit either.
            elf = ancestor.library.elf
            yield from self._own(ancestor, elf.runpath or elf.rpath, "rpath", ignored=False)
            ancestor = ancestor.loader
        for folder in self.system.folders:
            yield "default", folder

    def _own(
        self, owner: Loaded, text: str | None, reason: Reason, ignored: bool = True
    ) -> Iterator[tuple[Reason, str]]:
        """The folders of an object's own tag; its RPATH is ignored when it has a RUNPATH."""
        if text and not (ignored and owner.library.elf.runpath is not None):
            for folder in self._list(text, owner.origin, ":"):
                yield reason, folder

    def _list(self, text: str, origin: str, separator: str) -> tuple[str, ...]:
        """The folders of a list; an empty entry is the current folder."""
        if not text:
            return ()
        found = self._folders.get((text, origin))
        if found is None:
            parts = (expand(part, origin, self.system) for part in re.split(separator, text))
            found = tuple(dict.fromkeys(part.rstrip("/") or _bare(part) for part in parts))
            self._folders[text, origin] = found
        return found

    def _folder_steps(self, folder: str, name: str, reason: Reason) -> Iterator[Step]:
        base = self.files.names_in(folder)
        if "glibc-hwcaps" in base:
            for level in self.system.hwcaps:
                inside = f"{folder}/glibc-hwcaps/{level}"
                if name in self.files.names_in(inside):
                    yield Place(inside, reason), f"{inside}/{name}"
        yield Place(folder, reason), f"{folder.rstrip('/')}/{name}" if name in base else ""

    def _cache_steps(self, name: str) -> Iterator[Step]:
        flags = FLAGS.get(self.system.machine)
        rank = {level: at for at, level in enumerate(self.system.hwcaps)}
        rank[""] = len(rank)
        entries = self.files.cache(self.system.cache).get(name, [])
        fitting = [e for e in entries if e.hwcaps in rank and flags in (None, e.flags)]
        best = min(fitting, key=lambda entry: rank[entry.hwcaps], default=None)
        yield Place(self.system.cache, "cache"), best.path if best else ""


def _bare(part: str) -> str:
    return "/" if part else "."


def _ancestors(needed_by: Loaded, program: Loaded) -> Iterator[Loaded]:
    """Whoever asked for whom, and the program itself: their DT_RPATHs all apply."""
    ancestor: Loaded | None = needed_by
    seen = False
    while ancestor is not None:
        seen = seen or ancestor is program
        yield ancestor
        ancestor = ancestor.loader
    if not seen:
        yield program
