"""Where the patient's modules lie, as its import system would find them, and which may open libraries."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

from gpufix.facts.libraries.start_code import found_by
from gpufix.files import read_whole
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.standard_library import gone, is_gone, lacks
from gpufix.model import Python
from gpufix.source.python.import_world import Found
from gpufix.source.source_text import decode

_SOURCE_LIMIT = 2 << 20
_OPENS = ("CDLL", "LoadLibrary", "PyDLL", "dlopen", "load_library", "load_nvidia_dynamic_lib")
_IMPORT = re.compile(
    r"[ \t]*(?:from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]+(?P<of>\([^)]{0,8000}\)|[^\n#;]+)"
    r"|import[ \t]+(?P<plain>[^\n#;]+))"
)
_HEAD = 256 << 10  # characters of a source in which imports are looked for
_REACHED = 100  # modules whose texts are searched for one
_TAKES = "globals().update("  # cuda.core: all that its cu13 has
_FILES = 6_000  # of one package, in which import hooks are looked for


class Modules:
    """Finds modules by name, and tells which could open libraries when they are imported."""

    def __init__(self, python: Python) -> None:
        self._python = python
        self._found: dict[str, Found | None] = {}
        self._names: dict[str, frozenset[str] | None] = {}
        self._texts: dict[str, str] = {}
        self._opens: dict[str, bool] = {}
        self._led: dict[str, tuple[bool, list[str]]] = {}
        self._above: set[str] = set()  # packages of modules that open libraries
        self._hooking: dict[str, list[str]] = {}  # by package

    def find(self, name: str) -> Found | None:
        """A module that some folder of sys.path shows; "outside": of the standard library, or bytecode."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def add(self, name: str, path: str, text: str) -> None:
        """A module that no folder shows, or that is to be read in another way."""
        self._found[name], self._texts[path] = Found("source", path), text

    def is_module(self, name: str) -> bool:
        """Whether some folder shows one of this name, or it lies outside of them."""
        return self.find(name) is not None

    def lacks(self, name: str) -> bool:
        """Whether nothing can be imported by a name: no folder shows it, and no package makes it.

        One that speaks of it, and of sys.modules or its __path__, may; so may another file of the package
        that has an import hook and names it whole. So may a zip file on sys.path.
        """
        if self.shows_less or self.find(name) is not None:
            return False
        above, last = name, name
        while above and self.find(above) is None:
            above, _, last = above.rpartition(".")
        found = self.find(above) if above else None
        if found is None or found.kind != "source":
            return not above
        try:
            text = self.text(found.path)
        except (OSError, ValueError):
            return False
        makes = any(word in text for word in ("sys.modules", "__path__", "meta_path"))
        if makes and re.search(rf"\b{last}\b", text) is not None:
            return False
        return not self.is_aliased(name)

    def has_finder(self, name: str) -> bool:
        """Whether the package of a module that no folder shows has a finder, and names the module."""
        above, _, last = name.rpartition(".")
        found = self.find(above)
        if found is None or found.kind != "source":
            return False
        try:
            text = self.text(found.path)
        except (OSError, ValueError):
            return False
        return "meta_path" in text and re.search(rf"\b{last}\b", text) is not None

    def is_aliased(self, name: str) -> bool:
        """Whether a file of the package that changes what is imported writes the name or its parent, quoted."""
        parts = name.split(".")
        names = [".".join(parts[:end]) for end in range(2, len(parts) + 1)]
        texts = self._hooks(parts[0])
        return any(
            f"{mark}{one}{mark}" in text for one in names for text in texts for mark in "\"'"
        )

    def _hooks(self, top: str) -> list[str]:
        """The sources of a package that touch `sys.modules` or `sys.meta_path`."""
        if top not in self._hooking:
            folder = self.folder(top)
            every = islice(files_below(folder, (".py",)), _FILES) if folder else ()
            texts = (self._read(path) for path in every)
            found = (data for data in texts if b"sys.modules" in data or b"meta_path" in data)
            self._hooking[top] = [data.decode("utf-8", "replace") for data in found]
        return self._hooking[top]

    def _read(self, path: str) -> bytes:
        try:
            return read_whole(path, _SOURCE_LIMIT)
        except OSError:
            return b""

    def folder(self, package: str) -> str | None:
        """Where a package lies, of a namespace its first folder; None for what is no package."""
        found = self.find(package)
        if found is None or not found.is_package:
            return None
        if found.kind == "source":
            return os.path.dirname(found.path)
        parent, _, last = package.rpartition(".")
        above = self.find(parent) if parent else None
        places = self._folders(parent, above) if above else self._python.sys_path
        every = (f"{place}/{last}" for place in places)
        return next((one for one in every if self.names_in(one) is not None), None)

    def names_in(self, folder: str) -> frozenset[str] | None:
        """What a folder holds; None for what is no folder."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):
                self._names[folder] = None
        return self._names[folder]

    def text(self, path: str) -> str:
        """A source, read once. Raises OSError, ValueError."""
        if path not in self._texts:
            self._texts[path] = decode(read_whole(path, _SOURCE_LIMIT)).text
        return self._texts[path]

    def may_open(self, name: str) -> bool:
        """Whether its text names a way to open libraries, or that of a module that it leads to."""
        if name not in self._opens:
            self._opens[name] = self._leads_to_opener(name)
        return self._opens[name] or name in self._above

    def _leads_to_opener(self, start: str) -> bool:
        pending, seen, found = [start], {start}, False
        for name in pending:
            opens, others = self._leads(name)
            if opens:
                found = True
                parts = name.split(".")
                self._above.update(".".join(parts[:end]) for end in range(1, len(parts)))
            for other in others:
                if other not in seen and len(seen) < _REACHED:
                    seen.add(other)
                    pending.append(other)
        return found

    def _leads(self, name: str) -> tuple[bool, list[str]]:
        """Whether a module's text names a way to open libraries, and the modules that it may import."""
        if name not in self._led:
            text, package = self.source(name)
            others = dict.fromkeys(_imported(text[:_HEAD], package))
            self._led[name] = any(word in text for word in _OPENS), list(others)
        return self._led[name]

    def source(self, name: str) -> tuple[str, str]:
        """The text of a module, and what its relative imports are relative to."""
        found = self.find(name)
        if found is None or found.kind != "source":
            return "", ""
        try:
            text = self.text(found.path)
        except (OSError, ValueError):
            return "", ""
        return text, name if found.is_package else name.rpartition(".")[0]

    def _find(self, name: str) -> Found | None:
        parent, _, last = name.rpartition(".")
        if self._is_pythons_own(name.partition(".")[0]) or name in self._brought:
            return Found("outside")
        if name == "distutils" and self.find("_distutils_hack") is not None:
            return Found("outside")  # of setuptools, which brings it where Python has none
        folders = self._python.sys_path
        if parent:
            above = self.find(parent)
            if above is None or above.kind == "extension":
                return None
            if above.kind == "outside":
                return above
            folders = self._folders(parent, above)
            return self._first_in(folders, last) or self._taken(above, last)
        return self._first_in(folders, last)

    def _first_in(self, folders: Iterable[str], name: str) -> Found | None:
        return _first(self._look(folder, name) for folder in folders)

    def _taken(self, above: Found, name: str) -> Found | None:
        """A module inside of a package that takes all names of a part of its own, `__path__` among them.

        Which part is not known: compiled modules are not followed.
        """
        try:
            takes = above.is_package and above.kind == "source" and _TAKES in self.text(above.path)
        except (OSError, ValueError):
            return None
        folder = os.path.dirname(above.path)
        parts = sorted(self.names_in(folder) or (), reverse=True) if takes else ()
        found = self._first_in((f"{folder}/{part}" for part in parts), name)
        return Found("outside") if found and found.kind != "source" else found

    def _is_pythons_own(self, top: str) -> bool:
        """Of this Python's library or a later one's: what the patient's has no more is looked for in folders."""
        return top == "__main__" or (
            top in sys.stdlib_module_names and not is_gone(top, self._python.version)
        )

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
        for suffix in self._python.extension_suffixes or [".so"]:
            if f"{name}{suffix}" in names and os.path.exists(f"{path}{suffix}"):
                return Found("extension", f"{path}{suffix}")
        if f"{name}.py" in names:
            return Found("source", f"{path}.py")
        if f"{name}.pyc" in names or (inner is not None and "__init__.pyc" in inner):
            return Found("outside")
        return Found("namespace", is_package=True) if inner is not None else None

    def has_lost(self, dotted: str) -> bool:
        """Whether this Python's own library had a name, and has it no more."""
        return lacks(dotted, self._python.version)

    @cached_property
    def lost(self) -> list[str]:
        """What this Python's own library has no more, and setuptools', where nothing else brings it."""
        every = [*gone(self._python.version), "pkg_resources"]
        return [name for name in every if "." in name or self.find(name) is None]

    @property
    def version(self) -> tuple[int, int]:
        """Of the patient's Python."""
        major, minor, *_ = (*numbers(self._python.version), 0, 0)
        return major, minor

    @cached_property
    def shows_less(self) -> bool:
        """Whether more may be imported than folders show: from a zip file, or by a hook."""
        return self.hooked or any(os.path.isfile(entry) for entry in self._python.sys_path)

    @cached_property
    def hooked(self) -> bool:
        """Whether something may bring modules that no folder shows: code of a .pth file."""
        return any(found_by(pth) is None for pth in self._python.pth_files)

    @cached_property
    def _brought(self) -> frozenset[str]:
        """The modules that finders bring, which no folder shows as they are."""
        return frozenset(name for pth in self._python.pth_files for name in found_by(pth) or ())


def _imported(text: str, package: str) -> Iterator[str]:
    """Names of modules that a source may import, its submodules and members that may be modules."""
    for found in statements(text):
        if found["plain"]:
            yield from listed(found["plain"])
        elif base := absolute(found["base"], package):
            yield base
            yield from (f"{base}.{name}" for name in listed(found["of"].strip("()")))


def absolute(base: str, package: str) -> str:
    """A module's name, of one that may be relative to a package; "" for one above all packages."""
    level = len(base) - len(base.lstrip("."))
    if not level:
        return base
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*above, *filter(None, [base.lstrip(".")])])


def statements(text: str) -> Iterator[re.Match[str]]:
    """The imports of a source. The word is looked for first: that is ten times as fast as a pattern for each line."""
    at = text.find("import")
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        start = max(start, text.rfind(";", start, at) + 1)
        found = _IMPORT.match(text, start)
        if found and found.end() > at:
            yield found
            at = found.end() - 1
        at = text.find("import", at + 1)


def listed(text: str) -> Iterable[str]:
    """ "a as b, c" → a, c."""
    parts = (part.split() for part in text.split(","))
    return [words[0] for words in parts if words and words[0] != "*"]


def files_below(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """The files of a package, its tests left out."""
    for at, inner, names in os.walk(folder):
        inner[:] = [one for one in inner if one not in ("__pycache__", "tests", "test")]
        yield from (f"{at}/{name}" for name in sorted(names) if name.endswith(suffixes))


def _first(found: Iterator[Found | None]) -> Found | None:
    """The first that is a module; a namespace only where none is."""
    namespace = None
    for one in found:
        if one is not None and one.kind != "namespace":
            return one
        namespace = namespace or one
    return namespace
