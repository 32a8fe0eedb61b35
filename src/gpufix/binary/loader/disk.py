"""The only way the loader model touches the disk; every answer is remembered for the scan."""

from __future__ import annotations

import os
import stat
from collections import OrderedDict

from gpufix.binary.elf import ElfError, ElfFile
from gpufix.binary.loader.cache import MAX_CACHE, LdCacheEntry, parse_cache
from gpufix.binary.loader.library import LinkedLibrary
from gpufix.files import read

# Mappings kept at once: CPython holds a descriptor for each, and 1,024 is a common limit.
MAX_MAPPED = 200


class Files:
    """Opens ELF files and the loader's cache, each once."""

    def __init__(self) -> None:
        self._libraries: dict[str, LinkedLibrary | ElfError] = {}
        self._by_identity: dict[tuple[int, int], LinkedLibrary] = {}
        self._mapped: OrderedDict[str, ElfFile] = OrderedDict()
        self._caches: dict[str, dict[str, list[LdCacheEntry]]] = {}
        self._names: dict[str, frozenset[str]] = {}

    def open(self, path: str) -> LinkedLibrary | ElfError:
        """The library at `path`, or why it is none; the same object for the same file."""
        found = self._libraries.get(path)
        if found is None:
            found = self._libraries[path] = self._open(path)
        return found

    def remember(self, path: str, library: LinkedLibrary) -> None:
        """Let `path` be answered by `library`: a file inside an archive, for one."""
        self._libraries[path] = library

    def read(self, path: str, limit: int) -> bytes:
        """At most `limit` bytes of a file; nothing when it cannot be read."""
        try:
            return read(path, limit)
        except OSError:
            return b""

    def names_in(self, directory: str) -> frozenset[str]:
        """The names in a directory; empty when there is none."""
        found = self._names.get(directory)
        if found is None:
            try:
                with os.scandir(directory) as entries:
                    found = frozenset(entry.name for entry in entries)
            except (OSError, ValueError):
                found = frozenset()
            self._names[directory] = found
        return found

    def cache(self, path: str) -> dict[str, list[LdCacheEntry]]:
        """The loader's cache by library name, each name's entries in file order."""
        found = self._caches.get(path)
        if found is None:
            found = self._caches[path] = {}
            for entry in parse_cache(self.read(path, MAX_CACHE)):
                found.setdefault(entry.name, []).append(entry)
        return found

    def _open(self, path: str) -> LinkedLibrary | ElfError:
        try:
            status = os.stat(path)  # noqa: PTH116 - Path.stat costs four times as much
            known = self._by_identity.get((status.st_dev, status.st_ino))
            if known is not None:
                return known
            if stat.S_ISDIR(status.st_mode):  # ld.so opens it, and stops there
                return ElfError(path, "a directory", "file")
            elf = ElfFile(path)
        except ElfError as error:
            return error
        except (OSError, ValueError) as error:
            return ElfError(path, f"cannot open: {error}", "file")
        identity = elf.source.identity
        library = LinkedLibrary(elf)
        if identity:
            self._by_identity[identity] = library
        if elf.source.mapped:
            self._mapped[path] = elf
            if len(self._mapped) > MAX_MAPPED:
                self._mapped.popitem(last=False)[1].release()
        return library
