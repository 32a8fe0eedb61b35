"""What Python code would have loaded before an extension: `import torch`, ctypes preloads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from gpufix.binary.elf import ElfError
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Missing, Process, Verdict
from gpufix.binary.loader.state import State
from gpufix.binary.loader.torch_preload import Step, TorchPreload, read_preload

MAX_SOURCE = 256 * 1024
MAX_FILES = 64
_OPENS = re.compile(rb"\b(?:CDLL|LoadLibrary|PyDLL)\b")
_IMPORTS_TORCH = re.compile(rb"^[ \t]*(?:import|from)[ \t]+torch\b", re.MULTILINE)


def imports_torch(files: Files, library: str, site_dirs: tuple[str, ...]) -> bool:
    """Some module beside the library, or on the way up to its site folder, imports torch."""
    return _mentions(files, library, site_dirs, _IMPORTS_TORCH)


def opens_libraries(files: Files, library: str, site_dirs: tuple[str, ...]) -> bool:
    """Some such module opens libraries with ctypes."""
    return _mentions(files, library, site_dirs, _OPENS)


def installed(files: Files, name: str, library: str, site_dirs: tuple[str, ...]) -> str | None:
    """A library file of this name in the package's own folders or in the nvidia packages'."""
    folders = folders_above(library, site_dirs)
    for site in site_dirs:
        if folders and folders[-1].startswith(f"{site}/"):
            folders.append(f"{folders[-1]}.libs")
        nvidia = sorted(files.names_in(f"{site}/nvidia"))
        folders += [f"{site}/nvidia/{package}/lib" for package in nvidia]
    candidates = [f"{folder}{sub}" for folder in folders for sub in ("", "/lib")]
    return next((f"{f}/{name}" for f in candidates if name in files.names_in(f)), None)


def _mentions(
    files: Files, library: str, site_dirs: tuple[str, ...], pattern: re.Pattern[bytes]
) -> bool:
    return any(
        pattern.search(files.read(f"{folder}/{name}", MAX_SOURCE))
        for folder in folders_above(library, site_dirs)
        for name in sources(files, folder)
    )


def folders_above(library: str, site_dirs: tuple[str, ...]) -> list[str]:
    """The library's folder and its parents, up to but without the site folder."""
    found: list[str] = []
    folder = library.rpartition("/")[0]
    while folder and folder not in site_dirs and len(found) < 8:
        found.append(folder)
        folder = folder.rpartition("/")[0]
    return found if folder in site_dirs else found[:1]


def sources(files: Files, folder: str) -> list[str]:
    """Python files of a folder, __init__.py first, not more than a few dozen."""
    names = sorted(name for name in files.names_in(folder) if name.endswith(".py"))
    names.sort(key=lambda name: name != "__init__.py")
    return names[:MAX_FILES]


_GLOBAL_DEPS = "lib/libtorch_global_deps.so"
_TORCH_LIBRARIES = ("libtorch", "libc10")


class Preloaded:
    """Judges libraries, each in the process state that its package would have made."""

    def __init__(
        self, files: Files, process: Process, bare: State, libraries: Iterable[str] = ()
    ) -> None:
        """libraries: those of the environment, one of which another may need by its file's name."""
        self.files = files
        self.process = process
        self._ended: Verdict | None = None  # by what torch's import ends before torch._C
        self._named: dict[str, list[str]] = {}
        for path in libraries:
            self._named.setdefault(path.rpartition("/")[2], []).append(path)
        for opened in process.opened:
            bare = bare.after(opened.path, opened.everywhere)[1]
        self.bare = bare

    def judge(self, path: str) -> Verdict:
        """The verdict in the fitting state; a failure only when every plausible state fails."""
        library = self.files.open(path)
        if isinstance(library, ElfError):
            return self.bare.predict(path)
        needs_torch = any(name.startswith(_TORCH_LIBRARIES) for name in library.elf.needed)
        if self._torch and path == f"{self._torch}/{_GLOBAL_DEPS}" and self.torch and self._ended:
            return self._ended
        state, context = self.bare, ""
        if needs_torch and self.torch is not None:
            state, context = self.torch, "torch"
        verdict = state.predict(path, context)
        if verdict.loads:
            return verdict
        sites = self.process.site_dirs
        if not context and imports_torch(self.files, path, sites) and self.torch is not None:
            state, context = self.torch, "torch"
            verdict = state.predict(path, context)
        if verdict.loads:
            return verdict
        return verdict if self._is_torchs(path) else self._with_preloads(state, verdict)

    def _is_torchs(self, path: str) -> bool:
        """Whether all is open by now that its package opens. What a ROCm torch opens is not known."""
        own = self._torch is not None and path.startswith(f"{self._torch}/")
        return own and not self._of_rocm

    @cached_property
    def _of_rocm(self) -> bool:
        """Whether torch has ROCm's wheels open their libraries: it calls `rocm_sdk` first."""
        return "_rocm_init.py" in self.files.names_in(self._torch or "")

    def _with_preloads(self, state: State, verdict: Verdict) -> Verdict:
        """Once more, when the package opens libraries itself and what is missing lies somewhere."""
        sites, path = self.process.site_dirs, verdict.path
        opens = self._of_rocm and path.startswith(f"{self._torch}/")
        if not verdict.missing or not (opens or opens_libraries(self.files, path, sites)):
            return verdict
        served = False
        for missing in verdict.missing:
            near = installed(self.files, missing.name, path, sites)
            for library in [near] if near else self.found(missing.name)[:1]:
                served = True
                state = state.after(library, everywhere=False)[1]
        again = state.predict(path, "package") if served else verdict
        return again if again.loads else verdict

    def found(self, name: str) -> list[str]:
        """The environment's libraries of this name."""
        return self._named.get(name, [])

    @cached_property
    def _torch(self) -> str | None:
        """torch's folder; None when no site folder has it."""
        for site in self.process.site_dirs:
            folder = f"{site}/torch"
            if "__init__.py" in self.files.names_in(folder):
                return folder
        return None

    @cached_property
    def torch(self) -> State | None:
        """The bare process after `import torch`."""
        return self._import_torch(self.bare) if self._torch else None

    @cached_property
    def _preload(self) -> TorchPreload:
        return read_preload(self.files, self._torch or "")

    def after_torch(self, state: State) -> State:
        """A process after `import torch`."""
        if state is self.bare:
            return self.torch or state
        return self._import_torch(state) if self._torch else state

    def _import_torch(self, state: State) -> State:
        """libtorch_global_deps.so, for everybody; what the release opens by itself; torch._C."""
        folder = self._torch or ""
        alone = bool(self.process.environment.get("TORCH_USE_RTLD_GLOBAL"))
        if not alone:
            state = self._global_deps(state, folder)
        for name in sorted(self.files.names_in(folder)):
            if name.startswith("_C.") and name.endswith(".so"):
                state = state.after(f"{folder}/{name}", everywhere=alone)[1]
        return state

    def _global_deps(self, bare: State, folder: str) -> State:
        preload = self._preload
        shared = f"{folder}/{_GLOBAL_DEPS}"
        verdict, state = bare.after(shared, everywhere=True)
        if verdict.loads:
            mark = preload.mark
            if any(mark in os.path.realpath(path) for path in state.namespace.paths()):
                state = self._opened(state, preload, preload.on_success)[0]
            return state
        self._ended = verdict
        names = [step.pattern.partition(".")[0] for step in preload.on_failure]
        if not any(name in _words(verdict) for name in names):
            return state
        state, failing = self._opened(state, preload, preload.on_failure)
        if failing is None:
            again, state = state.after(shared, everywhere=True)
            self._ended = None if again.loads else again
        elif preload.find(self.files, failing, self._sys_path) is None:
            name = f"{failing.pattern.partition('.so')[0]}.so"
            self._ended = replace(verdict, missing=(Missing(name, shared, ()),))
        return state

    def _opened(
        self, state: State, preload: TorchPreload, steps: tuple[Step, ...]
    ) -> tuple[State, Step | None]:
        """After the steps, or those before the first that fails; that one."""
        for step in steps:
            path = preload.find(self.files, step, self._sys_path)
            if path is None:
                if step.required:
                    return state, step
                continue
            verdict, state = state.after(path, everywhere=False)
            if not verdict.loads:
                return state, step
        return state, None

    @property
    def _sys_path(self) -> tuple[str, ...]:
        return self.process.sys_path or self.process.site_dirs


def _words(verdict: Verdict) -> str:
    """What the loader's first complaint names."""
    for missing in verdict.missing:
        return missing.name
    for unusable in verdict.unusable:
        return unusable.path
    for version in verdict.versions:
        return f"{version.path} {version.needed_by}"
    return next((symbol.needed_by for symbol in verdict.undefined), "")
