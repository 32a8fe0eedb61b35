"""What Python code would have loaded before an extension: `import torch`, ctypes preloads."""

from __future__ import annotations

import os
import re
from functools import cached_property

from gpufix.binary.elf import ElfError
from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Process, Verdict
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


_TORCH_LIBRARIES = ("libtorch", "libc10")


class Preloaded:
    """Judges libraries, each in the process state that its package would have made."""

    def __init__(self, files: Files, process: Process, bare: State) -> None:
        self.files = files
        self.process = process
        for opened in process.opened:
            bare = bare.after(opened.path, opened.everywhere)[1]
        self.bare = bare

    def judge(self, path: str) -> Verdict:
        """The verdict in the fitting state; a failure only when every plausible state fails."""
        library = self.files.open(path)
        if isinstance(library, ElfError):
            return self.bare.predict(path)
        needs_torch = any(name.startswith(_TORCH_LIBRARIES) for name in library.elf.needed)
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
        return verdict if verdict.loads else self._with_preloads(state, verdict)

    def _with_preloads(self, state: State, verdict: Verdict) -> Verdict:
        """Once more, when the package opens libraries itself and has those that are missing."""
        sites, path = self.process.site_dirs, verdict.path
        found = [installed(self.files, m.name, path, sites) for m in verdict.missing]
        if not any(found) or not opens_libraries(self.files, path, sites):
            return verdict
        for library in found:
            if library is not None:
                state = state.after(library, everywhere=False)[1]
        again = state.predict(path, "package")
        return again if again.loads else verdict

    @cached_property
    def torch(self) -> State | None:
        """After `import torch`; None when no site folder has it."""
        for site in self.process.site_dirs:
            folder = f"{site}/torch"
            if "__init__.py" in self.files.names_in(folder):
                return self._import_torch(folder)
        return None

    def _import_torch(self, folder: str) -> State:
        """libtorch_global_deps.so, for everybody; what the release opens by itself; torch._C."""
        state = self.bare
        alone = bool(self.process.environment.get("TORCH_USE_RTLD_GLOBAL"))
        if not alone:
            state = self._global_deps(folder)
        for name in sorted(self.files.names_in(folder)):
            if name.startswith("_C.") and name.endswith(".so"):
                state = state.after(f"{folder}/{name}", everywhere=alone)[1]
        return state

    def _global_deps(self, folder: str) -> State:
        preload = read_preload(self.files, folder)
        shared = f"{folder}/lib/libtorch_global_deps.so"
        verdict, state = self.bare.after(shared, everywhere=True)
        if verdict.loads:
            mark = preload.mark
            if any(mark in os.path.realpath(path) for path in state.namespace.paths()):
                state = self._opened(state, preload, preload.on_success)[0]
            return state
        names = [step.pattern.partition(".")[0] for step in preload.on_failure]
        if not any(name in _words(verdict) for name in names):
            return state
        state, complete = self._opened(state, preload, preload.on_failure)
        return state.after(shared, everywhere=True)[1] if complete else state

    def _opened(
        self, state: State, preload: TorchPreload, steps: tuple[Step, ...]
    ) -> tuple[State, bool]:
        """After the steps, or those before the first that fails."""
        sys_path = self.process.sys_path or self.process.site_dirs
        for step in steps:
            path = preload.find(self.files, step, sys_path)
            if path is not None:
                verdict, state = state.after(path, everywhere=False)
                if not verdict.loads:
                    return state, False
            elif step.required:
                return state, False
        return state, True


def _words(verdict: Verdict) -> str:
    """What the loader's first complaint names."""
    for missing in verdict.missing:
        return missing.name
    for unusable in verdict.unusable:
        return unusable.path
    for version in verdict.versions:
        return f"{version.path} {version.needed_by}"
    return next((symbol.needed_by for symbol in verdict.undefined), "")
