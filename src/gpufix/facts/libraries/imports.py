"""A patient's modules and libraries, as an import that is followed finds them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from posixpath import basename
from typing import Any

from gpufix.binary.loader import Verdict
from gpufix.binary.loader.preloaded import Preloaded
from gpufix.facts.libraries.compiled_text import texts
from gpufix.facts.libraries.library_facts import is_refused
from gpufix.facts.libraries.library_files import python_tag
from gpufix.files import read_whole
from gpufix.model import Python
from gpufix.source.python.import_world import Found, Loads
from gpufix.source.source_text import decode

_SOURCE_LIMIT = 2 << 20
_LIBRARY_LIMIT = 256 << 20
_SOURCES = 400  # of one import: what reads more is not followed to its end
# Code of .pth files that finds no modules but the standard library's, or none.
_NO_HOOKS = {
    "distutils-precedence.pth",
    "_virtualenv.pth",
    "a1_coverage.pth",
    "coloredlogs.pth",
    "matplotlib.pth",
}


def module_above(path: str, sys_path: Iterable[str]) -> str | None:
    """The outermost importable module that a file belongs to; of namespaces, the first below."""
    base = max((p for p in sys_path if path.startswith(f"{p}/")), key=len, default=None)
    if base is None:
        return None
    parts = path[len(base) + 1 :].split("/")
    for end in range(1, len(parts) + 1):
        if end == len(parts):
            parts[-1] = parts[-1].partition(".")[0]
        if not parts[end - 1].isidentifier():
            return None
        if end == len(parts) or os.path.exists("/".join([base, *parts[:end], "__init__.py"])):
            return ".".join(parts[:end])
    return None


def _dotted(path: str, sys_path: Iterable[str]) -> str | None:
    """The module name of an extension."""
    base = max((p for p in sys_path if path.startswith(f"{p}/")), key=len, default=None)
    if base is None or python_tag(path) is None:
        return None
    folder, _, name = path[len(base) + 1 :].rpartition("/")
    return ".".join([*folder.split("/"), name.partition(".")[0]]) if folder else None


class Site:
    """A patient's modules, as its import system would find them. `followed`: of which packages."""

    platform = "linux"

    def __init__(
        self,
        python: Python,
        environ: Mapping[str, str],
        preloaded: Preloaded,
        suspect: Collection[str],
        followed: Collection[str],
        known: Mapping[str, Any],
    ) -> None:
        self.version = tuple(int(n) for n in python.version.split(".")[:3] if n.isdigit())
        self.machine = python.machine or ""
        self.environ = environ
        self.suffixes: Sequence[str] = python.extension_suffixes or [".so"]
        self.known = known
        self._python, self._followed = python, followed
        self._suspect = suspect  # real paths
        self.refused: dict[str, Verdict] = {}  # by the path that it was to be loaded from
        self._preloaded = preloaded
        self._bare = self._state = preloaded.bare
        self._found: dict[str, Found | None] = {}
        self._names: dict[str, frozenset[str] | None] = {}
        self._read = 0

    def find(self, name: str) -> Found | None:
        """See World; a module that a hook may bring counts as there."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Found | None:
        parent, _, last = name.rpartition(".")
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return Found("outside")
        if parent:
            above = self.find(parent)
            if above is None or above.kind == "extension":
                return None
            if above.kind == "outside":
                return above
            found = _first(self._look(folder, last) for folder in self._folders(parent, above))
            return found or (Found("outside") if self._hooked else None)
        found = _first(self._look(folder, last) for folder in self._python.sys_path)
        if found is None:
            return Found("outside") if self._hooked else None
        return found if top in self._followed else Found("outside")

    def _folders(self, name: str, found: Found) -> list[str]:
        if found.kind == "source":
            return [os.path.dirname(found.path)] if found.is_package else []
        parts = name.split(".")
        return ["/".join([folder, *parts]) for folder in self._python.sys_path]

    def _look(self, folder: str, name: str) -> Found | None:
        names = self.names_in(folder) or ()
        path = f"{folder}/{name}"
        inner = self.names_in(path) if name in names else None
        if inner is not None and "__init__.py" in inner:
            return Found("source", f"{path}/__init__.py", is_package=True)
        for suffix in self.suffixes:
            if f"{name}{suffix}" in names and os.path.exists(f"{path}{suffix}"):
                return Found("extension", f"{path}{suffix}")
        if f"{name}.py" in names:
            return Found("source", f"{path}.py")
        if f"{name}.pyc" in names or (inner is not None and "__init__.pyc" in inner):
            return Found("outside")
        return Found("namespace", is_package=True) if inner is not None else None

    @cached_property
    def _hooked(self) -> bool:
        """Whether something may bring modules that no folder shows: code of a .pth file."""
        return any(
            pth.runs_code and basename(pth.path) not in _NO_HOOKS and "nspkg" not in pth.path
            for pth in self._python.pth_files
        )

    def text(self, path: str) -> str:
        """See World. Raises ValueError for one source too many."""
        self._read += 1
        if self._read > _SOURCES:
            raise ValueError("too many sources")
        return decode(read_whole(path, _SOURCE_LIMIT)).text

    def names_in(self, folder: str) -> frozenset[str] | None:
        """See World."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):
                self._names[folder] = None
        return self._names[folder]

    def exists(self, path: str) -> bool:
        """See World."""
        return os.path.exists(path)

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        """See World. Refused is what loads neither now nor as its package is known to prepare it."""
        verdict, self._state = self._state.after(path, everywhere)
        if verdict.loads or os.path.realpath(path) not in self._suspect or not is_refused(verdict):
            return "loads"
        self.refused[path] = verdict
        if verdict.unusable or verdict.versions:
            return "refused"
        later = lazy and not self.environ.get("LD_BIND_NOW") and not verdict.missing
        return "loads" if later else "lacks"

    def named_in(self, extension: str) -> list[str]:
        """See World."""
        if not self._native:
            return []
        named = re.compile(b"|".join(map(re.escape, sorted(self._native, reverse=True))))
        try:
            data = read_whole(extension, _LIBRARY_LIMIT)
        except OSError:
            return []
        every = (name for text in texts(data) for name in named.findall(text))
        return [self._native[name] for name in dict.fromkeys(every)]

    @cached_property
    def _native(self) -> dict[bytes, str]:
        """Suspect modules of the followed package, by the name that others import them by."""
        found = {}
        for path in self._suspect:
            name = _dotted(path, self._python.sys_path)
            if name and "." in name and name.partition(".")[0] in self._followed:
                found[name.encode()] = name
        return found

    def defines(self, library: str, operator: str) -> bool | None:
        """See World."""
        space, _, name = operator.partition("::")
        try:
            data = read_whole(library, _LIBRARY_LIMIT)
        except OSError:
            return None
        if not data.startswith(b"\x7fELF"):
            return None
        return space.encode() in data and name.partition(".")[0].encode() in data

    def entered(self, name: str) -> None:
        """See World."""
        if name == "torch" and self._state is self._bare:
            self._state = self._preloaded.torch or self._state


def _first(found: Iterator[Found | None]) -> Found | None:
    """The first that is a module; a namespace only where none is."""
    namespace = None
    for one in found:
        if one is not None and one.kind != "namespace":
            return one
        namespace = namespace or one
    return namespace
