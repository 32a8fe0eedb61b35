"""A Windows process at one moment: what is loaded, and what loading one more DLL would do.

The rules are those of LoadLibraryEx with LOAD_LIBRARY_SEARCH_DEFAULT_DIRS and
LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, by which Python loads its modules and ctypes its libraries since
3.8: a DLL of the same base name that is loaded already, API sets and Windows' own DLLs, the folder of
the file that is loaded, the program's folder, folders of AddDllDirectory, System32. PATH and the
current folder are not searched.
https://learn.microsoft.com/windows/win32/dlls/dynamic-link-library-search-order
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import basename, dirname

from gpufix.binary.loader.model import Missing, Place, Reason, Undefined, Unusable, Used, Verdict
from gpufix.binary.pe import PeError, PeFile
from gpufix.binary.pe.tables import Import
from gpufix.binary.pe_loader.disk import PeFiles
from gpufix.binary.pe_loader.system import WindowsSystem

_MAX_MODULES = 2000
_MAX_FORWARDS = 16
# Come with a GPU driver: a machine without one lacks them.
_DRIVER = ("nvcuda.", "nvml.", "nvapi64.", "nvcuvid.", "nvencodeapi64.", "nvoptix.", "amdhip64")


def is_driver_dll(name: str) -> bool:
    """`name` (nvcuda.dll, …) is installed by a GPU driver."""
    return name.lower().startswith(_DRIVER)


class _System:
    """A DLL of Windows' own, whose exports are not judged."""


@dataclass(eq=False)
class Module:
    """A loaded file; `needs`: what serves each DLL that it imports, by lower-case name."""

    path: str
    file: PeFile
    needs: dict[str, Module | _System | None] = field(default_factory=dict)


_OWN = _System()
Provider = Module | _System | None


class WindowsState:
    """Immutable: loading gives a verdict and a further state.

    application: the folder of the program; added: folders of AddDllDirectory.
    """

    def __init__(
        self,
        files: PeFiles,
        system: WindowsSystem,
        application: str | None,
        added: tuple[str, ...] = (),
        loaded: dict[str, Module] | None = None,
        machine: str = "x86_64",
    ) -> None:
        self.files, self.system, self.machine = files, system, machine
        self.application, self.added = application, added
        self.loaded = loaded or {}

    def adding(self, folder: str) -> WindowsState:
        """After os.add_dll_directory(folder)."""
        return self._with((*self.added, folder) if folder not in self.added else self.added, {})

    def without(self, folder: str) -> WindowsState:
        """After that was closed."""
        return self._with(tuple(one for one in self.added if one != folder), {})

    def _with(self, added: tuple[str, ...], loaded: dict[str, Module]) -> WindowsState:
        every = {**self.loaded, **loaded}
        return WindowsState(self.files, self.system, self.application, added, every, self.machine)

    def predict(self, path: str, context: str = "") -> Verdict:
        """What loading the file by its path would do now."""
        return self._load(path, context)[0]

    def after(self, path: str, everywhere: bool = False) -> tuple[Verdict, WindowsState]:
        """The verdict, and the state once the file is loaded (unchanged when it is not).

        everywhere: of no meaning on Windows, where symbols are bound by DLL.
        """
        verdict, loaded = self._load(path, "")
        return verdict, self._with(self.added, loaded) if verdict.loads else self

    def locate(self, name: str) -> str | None:
        """The file that LoadLibrary("x.dll") would load; None when the search finds none."""
        held = self.loaded.get(name.lower())
        if held:
            return held.path
        found = next((path for _, path in self._places(name, None) if path), None)
        return found or (name if self.system.is_part(name) else None)

    def knows(self, name: str) -> bool:
        """Whether it can be said that a DLL is not there."""
        return not self.system.may_have(name)

    def finds(self, name: str, opener: str) -> bool:
        """Whether LoadLibrary("x.dll") by a DLL of this path finds anything."""
        if self.locate(name) is not None or not self.knows(name):
            return True
        return self.files.find(dirname(opener), name) is not None

    def find_library(self, name: str) -> str | None:
        """What `ctypes.util.find_library` finds along PATH: not known."""
        return None

    def _load(self, path: str, context: str) -> tuple[Verdict, dict[str, Module]]:
        run = _Loading(self, path)
        root = run.open(path, None)
        if isinstance(root, Module):
            run.bind_all()
        verdict = Verdict(
            path,
            context,
            missing=tuple(run.missing),
            unusable=tuple(run.unusable),
            undefined=tuple(run.undefined),
            uses=tuple(run.uses),
            extension=True,
        )
        return verdict, run.fresh

    def _places(self, name: str, folder: str | None) -> Iterator[tuple[Place, str | None]]:
        """The folders that are searched, each with the file there."""
        places: list[tuple[Reason, str | None]] = [
            ("own folder", folder),
            ("program's folder", self.application),
            *(("added folder", one) for one in self.added),
            ("System32", self.system.folder),
        ]
        for reason, where in places:
            if where:
                yield Place(where, reason), self.files.find(where, name)


class _Loading:
    """One call of LoadLibrary, with all that it brings in."""

    def __init__(self, state: WindowsState, path: str) -> None:
        self._state, self._folder = state, dirname(path)
        self.fresh: dict[str, Module] = {}
        self.missing: list[Missing] = []
        self.unusable: list[Unusable] = []
        self.undefined: list[Undefined] = []
        self.uses: list[Used] = []
        self._refused: set[str] = set()
        self._absent: set[tuple[str, str]] = set()

    def open(self, path: str, needed_by: str | None) -> Module | None:
        """Load a file and what it imports."""
        root = self._module(path, needed_by)
        if root:
            self._follow([root])
        return root

    def _follow(self, pending: list[Module]) -> None:
        """Breadth first: chains may be long."""
        for module in pending:  # grows
            if len(self.fresh) > _MAX_MODULES:
                self._refuse(module.path, None, f"more than {_MAX_MODULES} DLLs")
                return
            for name in self._imported(module):
                if name.lower() not in module.needs:
                    pending += self._bring(name, module)

    def _bring(self, name: str, module: Module) -> list[Module]:
        """Find what serves a DLL that a module needs; those that are new."""
        before = len(self.fresh)
        module.needs[name.lower()] = self._need(name, module)
        return [*self.fresh.values()][before:]

    def _imported(self, module: Module) -> tuple[str, ...]:
        try:
            return module.file.needed
        except PeError as error:
            self._refuse(module.path, None, f"{error.where}: {error.what}")
            return ()

    def _need(self, name: str, by: Module) -> Provider:
        """What serves a DLL that a module imports by its base name."""
        key = name.lower()
        held = self.fresh.get(key) or self._state.loaded.get(key)
        if held is not None:
            self._note(name, by, held.path, "already loaded")
            return held
        system = self._state.system
        places = list(self._state._places(name, self._folder))
        found = [(place, path) for place, path in places if path]
        if system.is_part(name) and all(place.reason == "System32" for place, _ in found):
            return _OWN
        if not found:
            if system.is_part(name):
                return _OWN
            if system.may_have(name) and not is_driver_dll(name):
                self._state.files.assumed.add(name)
                return _OWN
            searched = tuple(place for place, _ in places)
            self.missing.append(Missing(name, by.path, searched, is_driver_dll(name)))
            return None
        place, path = found[0]
        self._note(name, by, path, place.reason)
        return self._module(path, by.path)

    def _note(self, name: str, by: Module, path: str, reason: Reason) -> None:
        self.uses.append(Used(name, by.path, path, reason))

    def _module(self, path: str, needed_by: str | None) -> Module | None:
        held = self._state.loaded.get(basename(path).lower())
        if held is not None and held.path == path:
            return held
        if path in self._refused:
            return None
        file = self._state.files.open(path)
        if isinstance(file, PeError):
            self._refuse(path, needed_by, f"{file.where}: {file.what}")
            return None
        if file.machine != self._state.machine:
            what = f"built for another processor: {file.machine}"
            self._refuse(path, needed_by, what)
            return None
        if file.truncated:
            self._refuse(path, needed_by, "cut off: sections lie beyond the end of the file")
            return None
        module = self.fresh[basename(path).lower()] = Module(path, file)
        return module

    def _refuse(self, path: str, needed_by: str | None, what: str) -> None:
        if path not in self._refused:
            self._refused.add(path)
            self.unusable.append(Unusable(path, needed_by, what))

    def bind_all(self) -> None:
        """Look every imported symbol up in what serves its DLL."""
        pending = [*self.fresh.values()]
        for at, module in enumerate(pending):  # grows by what provides forwarded symbols
            try:
                imports = module.file.imports
            except PeError:  # refused already
                continue
            for one in imports:
                provider = module.needs.get(one.library.lower())
                if isinstance(provider, Module):
                    self._bind(module, one, provider)
            if at + 1 == len(pending):
                pending += [*self.fresh.values()][len(pending) :]

    def _bind(self, module: Module, one: Import, provider: Module) -> None:
        try:
            bound = self._state.files.bind(module.file, one, provider.file)
        except PeError as error:
            self._refuse(provider.path, module.path, f"{error.where}: {error.what}")
            return
        for name in bound.lacking:
            self._lack(module, one.library, name)
        for name, to in bound.forwarded:
            if not self._forwarded(provider, to, 0):
                self._lack(module, one.library, name)

    def _lack(self, module: Module, library: str, name: str) -> None:
        if (module.path, f"{library}!{name}") not in self._absent:
            self._absent.add((module.path, f"{library}!{name}"))
            self.undefined.append(Undefined(name, None, module.path, library, "func"))

    def _forwarded(self, by: Module, to: str, depth: int) -> bool:
        """Whether what provides a symbol in a DLL's place has it. "OTHER.name", "OTHER.#12"."""
        library, _, name = to.rpartition(".")
        if depth > _MAX_FORWARDS or not library:
            return False
        file = library if library.lower().endswith((".dll", ".drv")) else f"{library}.dll"
        if file.lower() not in by.needs:
            self._follow(self._bring(file, by))
        provider = by.needs[file.lower()]
        if not isinstance(provider, Module):
            return provider is _OWN
        exports = provider.file.exports
        number = name.removeprefix("#")
        further = (
            exports.ordinals.get(int(number))
            if name.startswith("#") and number.isdigit()
            else exports.names.get(name)
        )
        if further is None:
            return False
        return not further or self._forwarded(provider, further, depth + 1)
