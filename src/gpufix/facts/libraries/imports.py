"""A patient's modules and libraries, as an import that is followed finds them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from gpufix.binary.loader.model import Verdict
from gpufix.binary.loader.preloaded import Preloaded
from gpufix.binary.loader.search import is_driver_library
from gpufix.binary.loader.state import State
from gpufix.binary.pe_loader.state import WindowsState
from gpufix.facts.libraries.compiled_text import texts
from gpufix.facts.libraries.library_files import python_tag
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.libraries.nvidia_files import nvidia_files
from gpufix.facts.windows.judge import WindowsJudge
from gpufix.files import read_whole
from gpufix.model import Python
from gpufix.source.python.import_world import Found, Loads

_LIBRARY_LIMIT = 256 << 20
_SOURCES = 1_000  # of one import: what reads more is not followed to its end
_ASIDE = 100  # of them, of other packages
# torch's libraries are judged as its own import loads them; pathfinder's by the name that it is asked for.
_APART = ("torch", "cuda.pathfinder")


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


def dotted(path: str, sys_path: Iterable[str]) -> str | None:
    """The module name of an extension."""
    base = max((p for p in sys_path if path.startswith(f"{p}/")), key=len, default=None)
    if base is None or python_tag(path) is None:
        return None
    folder, _, name = path[len(base) + 1 :].rpartition("/")
    return ".".join([*folder.split("/"), name.partition(".")[0]]) if folder else None


def _of_process(python: Python) -> dict[str, Any]:
    """What `sys` says in the patient's process."""
    return {
        "sys.prefix": python.prefix,
        "sys.exec_prefix": python.prefix,
        "sys.base_prefix": python.base_prefix,
        "sys.base_exec_prefix": python.base_prefix,
        "sys.executable": python.executable,
    }


class Site:
    """The modules of these top packages are followed, and those of others that may open libraries.

    suspect: path by real path. gone: modules that are not there, or that no process can load. siblings: whether what others open could serve; where it could not,
    they are not followed. unfit: suspects that load and then raise ImportError.
    """

    def __init__(
        self,
        python: Python,
        environ: Mapping[str, str],
        preloaded: Preloaded | WindowsJudge,
        suspect: Mapping[str, str],
        gone: Collection[str],
        names: ModuleNames,
        followed: Collection[str],
        siblings: bool,
        known: Mapping[str, Any],
        unfit: Collection[str] = (),
    ) -> None:
        self.platform = python.platform
        self.version = tuple(int(n) for n in python.version.split(".")[:3] if n.isdigit())
        self.machine = python.machine or ""
        self.environ = environ
        self.suffixes: Sequence[str] = python.extension_suffixes or [".so"]
        self.known: Mapping[str, Any] = {**_of_process(python), **known}
        self.state: State | WindowsState = preloaded.bare
        self.refused: dict[str, Verdict] = {}  # by the path that it was to be loaded from
        self.loaded: dict[str, Verdict] = {}  # suspects that load as the code prepares it
        self._suspect, self._gone, self._unfit = suspect, gone, unfit
        self._preloaded, self._names = preloaded, names
        self._modules = modules = names.modules
        self._python, self._followed, self._siblings = python, followed, siblings
        self._found: dict[str, Found | None] = {}
        self._read = self._aside = 0
        self.hooked = modules.hooked
        self._assumed: Collection[str] = ()
        if siblings:
            for name in followed:  # so that the packages on the way to what opens are known
                modules.may_open(name)

    def assume(self, packages: Collection[str]) -> None:
        """Packages that are taken to be there, with all that is asked of them."""
        self._assumed = packages

    def try_rest(self, paths: Iterable[str]) -> None:
        """What of these was not loaded so far may load now, in what the imports have left."""
        for path in paths:
            if path not in self.tried:
                verdict = self.state.predict(path, "package")
                if verdict.loads:
                    self.loaded[path] = verdict

    @property
    def tried(self) -> Collection[str]:
        """Suspects that the code has loaded, or tried to load."""
        return self.refused.keys() | self.loaded.keys()

    def find(self, name: str) -> Found | None:
        """See World; a module that a hook may bring counts as there."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Found | None:
        if name.partition(".")[0] in self._assumed:
            return Found("outside")
        found = self._modules.find(name)
        if found is None:
            # TensorFlow makes tensorflow.keras when it is imported; setuptools' finder brings pkg_resources.extern.*.
            top, _, inner = name.partition(".")
            own = top in self._followed
            made = inner and (
                self._modules.has_finder(name) if own else not self._modules.lacks(name)
            )
            return Found("outside") if self.hooked or made else None
        own = name.partition(".")[0] in self._followed and name not in _APART
        if own or found.kind == "outside":
            return found
        if not self._siblings or not self._counts(name, found):
            return Found("outside")
        return replace(found, aside=True)

    def _counts(self, name: str, found: Found) -> bool:
        """Whether another package's module is followed: it may open libraries, and is not one too many."""
        if any(name == apart or name.startswith(f"{apart}.") for apart in _APART):
            return False
        if found.kind != "source":
            return True
        self._aside += 1
        return self._aside <= _ASIDE and self._modules.may_open(name)

    def lacks(self, name: str) -> bool:
        """See World."""
        return name.partition(".")[0] not in self._assumed and self._modules.lacks(name)

    def lacks_name(self, module: str, name: str) -> bool:
        """See World."""
        return (module, name) in self._names.lost

    def lost(self) -> Collection[str]:
        """See World."""
        return {name for _, name in self._names.lost}

    def text(self, path: str) -> str:
        """See World. Raises ValueError for one source too many."""
        self._read += 1
        if self._read > _SOURCES:
            raise ValueError("too many sources")
        return self._modules.text(path)

    def names_in(self, folder: str) -> frozenset[str] | None:
        """See World."""
        return self._modules.names_in(folder)

    def exists(self, path: str) -> bool:
        """See World."""
        return os.path.exists(path)

    def folder(self, package: str) -> str | None:
        """See World."""
        return self._modules.folder(package)

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        """See World. Refused is what loads neither now nor as its package is known to prepare it."""
        verdict, self.state = self.state.after(path, everywhere)
        suspect = self._suspect.get(os.path.realpath(path))
        if suspect is None:
            return "loads"
        if suspect in self._unfit:
            self.refused[path] = verdict
            return "refused"
        if verdict.loads or not verdict.refused:
            self.loaded[suspect] = replace(verdict, path=suspect, context="package")
            return "loads"
        self.refused[path] = verdict
        if any(one.crashes for one in verdict.unusable):
            return "crashes"
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
        """Suspect modules of the followed packages, by the name that others import them by.

        And packages around those that are gone: what imports one of these may not name the module.
        """
        names = {
            *self._gone,
            *(dotted(path, self._python.sys_path) or "" for path in self._suspect),
        }
        for name in self._gone:
            parts = name.split(".")
            names.update(".".join(parts[:end]) for end in range(2, len(parts)))
        own = (n for n in names if "." in n and n.partition(".")[0] in self._followed)
        return {name.encode("utf-8", "surrogateescape"): name for name in own}

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

    def add_folder(self, folder: str) -> None:
        """See World: Linux has no such call."""

    def locate(self, name: str) -> str | None:
        """See World."""
        found = self.state.locate(name)
        return None if found is None and is_driver_library(name) else found or ""

    def find_library(self, name: str) -> str | None:
        """See World."""
        if is_driver_library(f"lib{name}.so.1") or not name:
            return None
        return self.state.find_library(name)

    def load_nvidia(self, name: str) -> bool:
        """See World: `cuda.pathfinder.load_nvidia_dynamic_lib`, which opens what it finds for everybody."""
        files = nvidia_files(self._modules, self._python.sys_path, name)
        for path in files:
            self.state = self.state.after(path, everywhere=True)[1]
        return bool(files)

    def entered(self, name: str) -> None:
        """See World."""
        if name == "torch":
            # Both are of one system, Linux or Windows; mypy sees the union of their states.
            self.state = self._preloaded.after_torch(self.state)  # type: ignore[arg-type]
