"""The patient's modules and process, as following an import sees them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from gpufix.binary.loader import Verdict
from gpufix.binary.loader.preloaded import Preloaded
from gpufix.binary.loader.state import State
from gpufix.facts.libraries.modules import Modules
from gpufix.facts.libraries.nvidia_files import nvidia_files
from gpufix.model import Python
from gpufix.source.python.import_world import Found, Loads

_SOURCES = 400  # of one import: what reads more is not followed to its end
_ASIDE = 100  # of them, of other packages
# torch's libraries are judged as its own import loads them; pathfinder's by the name that it is asked for.
_APART = ("torch", "cuda.pathfinder")


class Site:
    """The modules of these top packages are followed, and those of others that may open libraries.

    siblings: whether what others open could serve; where it could not, they are not followed.
    """

    platform = "linux"

    def __init__(
        self,
        python: Python,
        environ: Mapping[str, str],
        preloaded: Preloaded,
        suspect: Collection[str],
        modules: Modules,
        followed: Collection[str],
        siblings: bool,
    ) -> None:
        self.version = tuple(int(n) for n in python.version.split(".")[:3] if n.isdigit())
        self.machine = python.machine or ""
        self.environ = environ
        self.state: State = preloaded.bare
        self.refused: dict[str, Verdict] = {}  # by the path that it was to be loaded from
        self.loaded: dict[str, Verdict] = {}  # suspects that load as the code prepares it
        self._suspect = {os.path.realpath(path): path for path in suspect}
        self._preloaded, self._modules = preloaded, modules
        self._python, self._followed, self._siblings = python, followed, siblings
        self._found: dict[str, Found | None] = {}
        self._read = self._aside = 0
        self.hooked = modules.hooked
        if siblings:
            for name in followed:  # so that the packages on the way to what opens are known
                modules.may_open(name)

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
        found = self._modules.find(name)
        if found is None:
            return Found("outside") if self.hooked else None
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

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        """See World. Refused is what loads neither now nor as its package is known to prepare it."""
        verdict, self.state = self.state.after(path, everywhere)
        suspect = self._suspect.get(os.path.realpath(path))
        if suspect is None:
            return "loads"
        if verdict.loads or not verdict.refused:
            self.loaded[suspect] = replace(verdict, path=suspect, context="package")
            return "loads"
        self.refused[path] = verdict
        if verdict.unusable or verdict.versions:
            return "refused"
        later = lazy and not self.environ.get("LD_BIND_NOW") and not verdict.missing
        return "loads" if later else "lacks"

    def load_nvidia(self, name: str) -> bool:
        """See World: `cuda.pathfinder.load_nvidia_dynamic_lib`, which opens what it finds for everybody."""
        files = nvidia_files(self._modules, self._python.sys_path, name)
        for path in files:
            self.state = self.state.after(path, everywhere=True)[1]
        return bool(files)

    def entered(self, name: str) -> None:
        """See World."""
        if name == "torch":
            self.state = self._preloaded.after_torch(self.state)
