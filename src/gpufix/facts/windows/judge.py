"""Asks the loader model of Windows about the DLLs that a program there would really load."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from posixpath import basename, dirname

from gpufix.binary.loader.model import Verdict
from gpufix.binary.pe import PeError, PeFile
from gpufix.binary.pe_loader.disk import PeFiles
from gpufix.binary.pe_loader.state import WindowsState
from gpufix.binary.pe_loader.system import WindowsSystem
from gpufix.facts.libraries.library_files import foreign, python_tag
from gpufix.facts.windows.machine import toolkit_folders
from gpufix.knowledge.windows import (
    added_folders,
    brought_into_system,
    loaded_folders,
    never_in_system,
    own_dlls,
)
from gpufix.model import Python

TORCH_DLLS = ("c10.", "c10_", "torch.", "torch_")
_SOURCE_LIMIT = 256 * 1024
# Come with Python itself: where its own folder is not in reach, they are taken to be there.
_OF_PYTHON = ("python3.dll", "vcruntime140.dll", "vcruntime140_1.dll")
_ADDS = re.compile(rb"add_dll_directory|LoadLibrary|\b(?:CDLL|WinDLL)\b")
_MACHINES = {"AMD64": "x86_64", "ARM64": "aarch64", "x86": "i386"}


class WindowsJudge:
    """Verdicts by path; each DLL in a process that its package, and torch where it asks for it, prepared."""

    def __init__(
        self,
        python: Python,
        environ: Mapping[str, str],
        paths: Collection[str],
        belongs: Mapping[str, str],
        system32: str | None,
    ) -> None:
        self.files = PeFiles()
        self.needed: set[str] = set()
        self.verdicts: dict[str, Verdict] = {}
        self._python, self._environ, self._belongs = python, environ, belongs
        self._named: dict[str, list[str]] = {}
        for path in paths:
            self._named.setdefault(basename(path).lower(), []).append(path)
        self.bare = self._start(system32)
        self._torch = [path for path in paths if belongs.get(path) == "torch"]
        loadable = [path for path in paths if not foreign(path, python.tag)]
        first = [p for p in loadable if python_tag(p) or belongs.get(p) == "torch"]
        chosen = set(first)
        for path in (*first, *(p for p in loadable if p not in chosen)):
            if path in chosen or path not in self.needed:
                self.verdicts[path] = verdict = self._judge(path)
                self.needed |= {used.path for used in verdict.uses}

    @property
    def preloaded(self) -> WindowsJudge:
        """What is asked of the process before an import."""
        return self

    def _start(self, system32: str | None) -> WindowsState:
        """The process of python.exe, before any import."""
        python, own = self._python, own_dlls()
        application = dirname(python.libpython) if python.libpython else None
        if application is None:
            own = own | {*_OF_PYTHON, f"python{python.tag[2:]}.dll"}
        whole = system32 is not None and self.files.find(system32, "kernel32.dll") is not None
        others = brought_into_system()
        system = WindowsSystem(own, system32, never_in_system(), whole, others)
        machine = _MACHINES.get(python.machine or "", "x86_64")
        state = WindowsState(self.files, system, application, machine=machine)
        if python.libpython:
            for name in ("python.exe", basename(python.libpython)):
                if path := self.files.find(application or "", name):
                    state = state.after(path)[1]
        return self._prepared(state, "")

    def _judge(self, path: str) -> Verdict:
        """A failure only when every plausible process fails."""
        if self._is_torchs(path):
            return self._prepared(self.bare, "torch").predict(path, "torch")
        state = self._prepared(self.bare, _package(path, self._python.site_dirs))
        verdict = state.predict(path)
        if not verdict.loads and self._torch_folder:
            again = self._prepared(self._in_torch, _package(path, self._python.site_dirs))
            after = again.predict(path, "torch")
            if after.loads or self.links_torch(path):
                state, verdict = again, after
        return verdict if verdict.loads else self.with_folders(state, verdict)

    def with_folders(self, state: WindowsState, verdict: Verdict) -> Verdict:
        """Once more, when the package has folders searched itself, and what is missing lies somewhere."""
        held = [self.found(missing.name) for missing in verdict.missing]
        if not held or not all(held) or not self._adds_folders(verdict.path):
            return verdict
        for paths in held:
            state = state.adding(dirname(paths[0]))
        again = state.predict(verdict.path, "package")
        return again if again.loads else verdict

    def _adds_folders(self, path: str) -> bool:
        """Whether Python source beside a file, or above it, adds folders or loads DLLs."""
        return any(
            _ADDS.search(self.files.read(f"{folder}/{source}", _SOURCE_LIMIT))
            for folder in _folders_above(path, self._python.site_dirs)
            for source in sorted(self.files.names_in(folder))[:200]
            if source.endswith(".py")
        )

    def _is_torchs(self, path: str) -> bool:
        return bool(self._torch_folder) and path.startswith(f"{self._torch_folder}/")

    def _prepared(self, state: WindowsState, package: str | None) -> WindowsState:
        """With the folders that a package is known to add."""
        for folder in self._added(package) if package is not None else ():
            state = state.adding(folder)
        return state

    def _added(self, package: str) -> Iterator[str]:
        for site in self._python.site_dirs:
            places = {
                "site": site,
                "prefix": self._python.prefix,
                "base": self._python.base_prefix,
            }
            folders = added_folders(package, places)
            for cuda in toolkit_folders(self._python, self._environ):
                folders += added_folders(package, {**places, "cuda": cuda})
            yield from filter(self.files.names_in, dict.fromkeys(folders))

    @cached_property
    def _torch_folder(self) -> str | None:
        sites = (f"{site}/torch" for site in self._python.site_dirs)
        return next((f for f in sites if "__init__.py" in self.files.names_in(f)), None)

    @cached_property
    def _in_torch(self) -> WindowsState:
        """The process after `import torch`."""
        return self.after_torch(self.bare)

    def after_torch(self, state: WindowsState) -> WindowsState:
        """A process after `import torch`: its folders are added, all of its DLLs loaded."""
        if not self._torch_folder:
            return state
        state = self._prepared(state, "torch")
        for folder in loaded_folders("torch", dirname(self._torch_folder)):
            for name in sorted(self.files.names_in(folder)):
                if name.lower().endswith(".dll"):
                    state = state.after(f"{folder}/{name}")[1]
        return state

    def found(self, name: str) -> list[str]:
        """The environment's files of this name."""
        return self._named.get(name.lower(), [])

    def servers(self, path: str) -> list[str] | None:
        """Files that may serve what a refused one lacks, when their folders are added before."""
        verdict = self.verdicts.get(path)
        if verdict is None or verdict.undefined or verdict.loads:
            return None
        return [file for missing in verdict.missing for file in self.found(missing.name)]

    def pe(self, path: str) -> PeFile | None:
        """The file's reader; None for a file that is none."""
        opened = self.files.open(path)
        return None if isinstance(opened, PeError) else opened

    def links_torch(self, path: str) -> bool:
        """Whether one of torch's DLLs is among those that the file imports."""
        file = self.pe(path)
        try:
            return file is not None and any(n.lower().startswith(TORCH_DLLS) for n in file.needed)
        except PeError:
            return False

    def named_in_source(self, path: str) -> bool:
        """Whether Python source beside the DLL, or above it, names it in quotes."""
        stem = re.escape(basename(path).rpartition(".")[0].encode("utf-8", "surrogateescape"))
        name = re.compile(rb"""["'/\\]%s(?:\.dll)?["']""" % stem, re.IGNORECASE)
        return any(
            name.search(self.files.read(f"{folder}/{source}", _SOURCE_LIMIT))
            for folder in _folders_above(path, self._python.site_dirs)
            for source in sorted(self.files.names_in(folder))[:200]
            if source.endswith(".py")
        )


def _folders_above(path: str, sites: Sequence[str]) -> list[str]:
    found: list[str] = []
    folder = dirname(path)
    while folder and folder not in sites and len(found) < 8:
        found.append(folder)
        folder = dirname(folder)
    return found if folder in sites else found[:1]


def _package(path: str, sites: Sequence[str]) -> str | None:
    """The folder below a site folder that a file lies in; of "scipy.libs", scipy's."""
    for site in sites:
        if path.startswith(f"{site}/"):
            top = path[len(site) + 1 :].partition("/")[0]
            return top.partition(".")[0]
    return None
