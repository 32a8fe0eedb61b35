"""Where a needed library is looked for: glibc's order (elf/dl-load.c) and musl's (ldso/dynlink.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.binary.elf.layout import DF_1_NODEFLIB
from gpufix.binary.loader.cache import FLAGS
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Place, Reason
from gpufix.binary.loader.resolve import Loaded
from gpufix.binary.loader.system import System

_STEMS = frozenset(
    {
        "libcuda",
        "libnvidia-ml",
        "libnvidia-ptxjitcompiler",
        "libnvidia-nvvm",
        "libnvidia-opencl",
        "libnvidia-encode",
        "libnvidia-fbc",
        "libnvcuvid",
        "libnvoptix",
        "libcudadebugger",
        "libdxcore",
        "libze_intel_gpu",
    }
)


def is_driver_library(name: str) -> bool:
    """`name` (libcuda.so.1, …) is installed by a GPU driver."""
    return name.partition(".so")[0] in _STEMS


_TOKEN = re.compile(r"\$(?:(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_])|\{(ORIGIN|LIB|PLATFORM)\})")
# musl replaces $ORIGIN alone, and does not search a list with another such name.
_NOT_MUSLS = re.compile(r"\$(?!ORIGIN|\{ORIGIN\})")
Rule = tuple[Reason, str]
Step = tuple[Place, str]
"""A rule's folder, and the file to try."""


def expand(text: str, origin: str, system: System) -> str:
    """Replace $ORIGIN, $LIB and $PLATFORM, with or without braces."""
    if "$" not in text:
        return text
    values = {"ORIGIN": origin, "LIB": system.lib, "PLATFORM": system.processor.platform}
    return _TOKEN.sub(lambda found: values[found[1] or found[2]], text)


def _preferred(system: System) -> dict[str, tuple[str, ...]]:
    """First folder below a library folder -> the subfolders that go before it, best first."""
    found: dict[str, tuple[str, ...]] = {}
    if not system.before(2, 33):
        found["glibc-hwcaps"] = tuple(f"glibc-hwcaps/{x}" for x in system.processor.levels)
    if system.before(2, 37):
        for path in system.processor.legacy:
            top = path.partition("/")[0]
            found[top] = (*found.get(top, ()), path)
    return found


class Search:
    """Lists the files to try for a name, in order; `library_path` is LD_LIBRARY_PATH."""

    def __init__(self, files: Files, system: System, library_path: str, program: str) -> None:
        self.files = files
        self.system = system
        self._preferred = _preferred(system)
        self._folders: dict[tuple[str, str], tuple[str, ...]] = {}
        origin = "" if system.musl else program.rpartition("/")[0]
        separator = r"[:\n]" if system.musl else r"[:;]"
        self._environment = self._list(library_path, origin, separator)
        self._program: tuple[str, ...] = ()

    def describe(self, loaded: Loaded) -> Loaded:
        """Note the RPATH folders that the dependencies of `loaded` will inherit."""
        elf = loaded.library.elf
        text = elf.rpath if elf.runpath is None else None
        if self.system.musl:
            # musl takes both tags for the same, and lets dependencies inherit either.
            text = elf.runpath or elf.rpath
            if text and _NOT_MUSLS.search(text):
                text = None
        own = self._list(text or "", loaded.origin, ":")
        above = loaded.loader.inherited if loaded.loader else ()
        loaded.inherited = tuple(dict.fromkeys((*own, *above))) if own else above
        if loaded.loader is None and elf.interpreter and not self._program:
            self._program = own
        return loaded

    def steps(self, name: str, needed_by: Loaded) -> Iterator[Step]:
        """What would be opened, one after the other, until one fits."""
        if "/" in name:
            path = expand(name, needed_by.origin, self.system)
            yield Place(path.rpartition("/")[0], "path"), path
            return
        for reason, folder in self.rules(needed_by):
            if reason == "cache":
                yield from self._cache_steps(name)
            else:
                yield from self._folder_steps(folder, name, reason)

    def rules(self, needed_by: Loaded) -> tuple[Rule, ...]:
        """The folders to search, each with the rule that names it; "cache" names none."""
        elf = needed_by.library.elf
        environment: list[Rule] = [("LD_LIBRARY_PATH", folder) for folder in self._environment]
        default: list[Rule] = [("default", folder) for folder in self.system.folders]
        if self.system.musl:
            rpaths: list[Rule] = [("rpath", folder) for folder in needed_by.inherited]
            return (*environment, *rpaths, *default)
        if elf.flags_1 & DF_1_NODEFLIB:
            default = []
        else:
            default.insert(0, ("cache", ""))
        if elf.runpath is not None:
            runpath = self._list(elf.runpath, needed_by.origin, ":")
            return (*environment, *(("runpath", folder) for folder in runpath), *default)
        folders = dict.fromkeys((*needed_by.inherited, *self._program))
        return (*(("rpath", folder) for folder in folders), *environment, *default)

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
        if not base.isdisjoint(self._preferred):
            for top, paths in self._preferred.items():
                for inside in (f"{folder}/{path}" for path in paths if top in base):
                    if name in self.files.names_in(inside):
                        yield Place(inside, reason), f"{inside}/{name}"
        yield Place(folder, reason), f"{folder.rstrip('/')}/{name}" if name in base else ""

    def _cache_steps(self, name: str) -> Iterator[Step]:
        flags = FLAGS.get(self.system.machine)
        rank = {level: at for at, level in enumerate(self.system.processor.levels)}
        rank[""] = len(rank)
        entries = self.files.cache(self.system.cache).get(name, [])
        fitting = [e for e in entries if e.hwcaps in rank and flags in (None, e.flags)]
        best = min(fitting, key=lambda entry: rank[entry.hwcaps], default=None)
        yield Place(self.system.cache, "cache"), best.path if best else ""


def _bare(part: str) -> str:
    return "/" if part else "."
