"""The walk over all folders that modules are imported from: each library once, links followed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from posixpath import basename

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.library_files import python_tag
from gpufix.facts.packages.record_file import gone
from gpufix.facts.python.site_paths import is_dir
from gpufix.facts.reading import text, why
from gpufix.model import Distribution, Python
from gpufix.text.clean import and_more

_SHARED = re.compile(r"\.so(?:\.\d+)*$")
_OF_WINDOWS = re.compile(r"\.(?:dll|pyd)$", re.IGNORECASE)
_FOLDERS = 100_000
_LIBRARIES = 10_000
_LINKS = 20_000
_OTHERS = 8  # further paths of one library that are kept
_ALIASES = 200  # links to folders of other paths that are kept
_NEVER = {"__pycache__", "include"}  # bytecode and headers: torch alone has 9,000 of these
_NOT_OURS = {"build", "dist", "node_modules"}  # of a project: what is built, not what is imported

Identity = tuple[int, int]


@dataclass
class Found:
    """Libraries, each by one path. others: further paths that lead to the same file by links."""

    paths: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)

    def every(self) -> list[str]:
        """All paths that were found."""
        return [*self.paths, *chain.from_iterable(self.others.values())]

    def add(self, paths: Sequence[str]) -> None:
        """Further libraries, unless they are there already."""
        known = set(map(identity, self.paths)) if paths else set()
        for path in paths:
            if (own := identity(path)) not in known:
                known.add(own)
                self.paths.append(path)

    def prefer(self, recorded: Collection[str]) -> None:
        """Let those paths stand that a distribution records: they are the imported ones."""
        for at, path in enumerate(self.paths):
            others = self.others.get(path, ())
            better = next((other for other in others if other in recorded), None)
            if better is not None and path not in recorded:
                del self.others[path]
                self.paths[at] = better
                self.others[better] = [path, *(other for other in others if other != better)]


def find(ctx: CollectContext, python: Python, distributions: Sequence[Distribution]) -> Found:
    """All libraries of the patient, links followed."""
    walk = _Walk(ctx, python.platform == "win32")
    for site in python.site_dirs:
        walk.enter(site, is_project=False)
    for project in dict.fromkeys(d.editable for d in distributions if d.editable):
        # meson-python imports from the build folder of the Python.
        for folder in (project, f"{project}/build/{python.tag}"):
            if is_dir(folder):
                walk.enter(folder, is_project=True)
    for folder in _further(python):
        walk.enter(folder, is_project=True)
    walk.follow()
    return walk.found()


def _further(python: Python) -> Iterator[str]:
    """Folders of sys.path without metadata that are not the standard library's."""
    seen = {os.path.realpath(site) for site in python.site_dirs}
    for folder in python.sys_path:
        if folder in python.site_dirs or not is_dir(folder):
            continue
        is_stdlib = folder.endswith("/lib-dynload") or Path(folder, "os.py").exists()
        if not is_stdlib and os.path.realpath(folder) not in seen:
            yield folder


class _Walk:
    """Real folders first, so that without links no file's identity need be asked for."""

    def __init__(self, ctx: CollectContext, of_windows: bool = False) -> None:
        self._ctx, self._of_windows = ctx, of_windows
        self._roots: list[str] = []
        self._walked: dict[str, None] = {}
        self._paths: list[str] = []
        self._folder_links: list[tuple[str, bool]] = []
        self._file_links: list[str] = []
        self._known: dict[Identity, str] | None = None  # folders, once a link is followed
        self._aliases: list[tuple[str, str]] = []  # a walked folder, and a link to it
        self._gone: list[str] = []  # links to modules and packages that are no more
        self._denied: list[str] = []  # links to where we may not look
        self._full = False

    def enter(self, root: str, is_project: bool) -> None:
        """Walk a folder and what is below, links left for later."""
        if root not in self._walked:
            self._roots.append(root)
            self._descend(root, is_project)

    def _descend(self, top: str, is_project: bool) -> None:
        pending = [top]
        while pending and not self._full:
            folder = pending.pop()
            if folder in self._walked or self._elsewhere(folder):
                continue
            self._walked[folder] = None
            try:
                inner = self._list(folder, is_project)
            except OSError as error:
                self._ctx.gap("binaries", text(folder), why(error))
                continue
            if is_project:
                inner = [path for path in inner if _is_imported_from(path)]
            pending += inner
            self._count(folder)

    def _count(self, folder: str) -> None:
        links = len(self._file_links) + len(self._folder_links)
        if len(self._walked) >= _FOLDERS or len(self._paths) >= _LIBRARIES or links >= _LINKS:
            self._full = True
            self._ctx.gap(
                "binaries",
                text(folder),
                f"not all was looked at: {len(self._walked)} folders, {len(self._paths)} files, "
                f"{links} links",
            )

    def _list(self, folder: str, is_project: bool) -> list[str]:
        names: list[str] = []
        inner: list[str] = []
        links: list[str] = []
        files: list[str] = []  # links to them
        is_root = folder in self._roots
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                path = f"{folder}/{name}"  # entry.path has a backslash on Windows
                try:
                    is_folder = entry.is_dir()
                except OSError as error:
                    self._unseen(path, error)
                    continue
                if is_folder:
                    # A folder named like a library is neither: as a file it is none, and none
                    # looks inside.
                    if name not in _NEVER and not self._is_library(name):
                        (links if entry.is_symlink() else inner).append(path)
                elif self._is_library(name):
                    if entry.is_symlink():
                        files.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        names.append(name)
                elif is_root and entry.is_symlink() and name.isidentifier() and not entry.is_file():
                    self._gone.append(path)  # it may have been a package's folder
        self._paths += [f"{folder}/{name}" for name in sorted(names)]
        self._file_links += sorted(files)
        self._folder_links += [(path, is_project) for path in sorted(links)]
        return sorted(inner, reverse=True)

    def _is_library(self, name: str) -> bool:
        if self._of_windows:
            return _OF_WINDOWS.search(name) is not None
        return ".so" in name and _SHARED.search(name) is not None

    def _unseen(self, link: str, error: OSError) -> None:
        if not gone(error):
            self._denied.append(link)
        elif python_tag(link):
            self._gone.append(link)

    def _elsewhere(self, folder: str) -> bool:
        """Whether the folder was walked by another path; asked once links are followed."""
        if self._known is None:
            return False
        own = identity(folder)
        if own is None:
            return False
        known = self._known.setdefault(own, folder)
        if known != folder and len(self._aliases) < _ALIASES and not folder.startswith(f"{known}/"):
            self._aliases.append((known, folder))
        return known != folder

    def follow(self) -> None:
        """Walk behind the links to folders. One to a folder above is a loop, or leads out of all."""
        if not self._folder_links:
            return
        pairs = ((identity(folder), folder) for folder in self._walked)
        self._known = {own: folder for own, folder in pairs if own}
        above = {
            identity(str(p)) for root in self._roots for p in Path(os.path.realpath(root)).parents
        }
        for link, is_project in self._folder_links:  # grows
            if is_project and not _is_imported_from(link):
                continue
            if identity(link) not in above:
                self._descend(link, is_project)

    def found(self) -> Found:
        """The libraries, each by the path by which it is most likely opened."""
        others: dict[str, list[str]] = {}
        self._resolve(others)
        self._tell()
        for known, link in self._aliases:
            for path in self._paths:
                if path.startswith(f"{known}/"):
                    others.setdefault(path, []).append(link + path[len(known) :])
        found = Found()
        for path in self._paths:
            if path not in others:
                found.paths.append(path)
                continue
            name = basename(path)
            ways = [path, *others[path][:_OTHERS]]
            best, *rest = sorted(ways, key=lambda way: not self._imported(way, name))
            found.paths.append(best)
            found.others[best] = rest
        return found

    def _resolve(self, others: dict[str, list[str]]) -> None:
        """Put the links to files where they belong: to a library that is there, or as a new one."""
        if not self._file_links:
            return
        by_file = {identity(path): path for path in self._paths}
        for link in self._file_links:
            try:
                status = os.stat(link)  # noqa: PTH116 - there may be thousands
            except OSError as error:
                self._unseen(link, error)
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            known = by_file.setdefault((status.st_dev, status.st_ino), link)
            if known == link:
                self._paths.append(link)
            elif len(others.setdefault(known, [])) < _OTHERS:
                others[known].append(link)

    def _tell(self) -> None:
        for links, what in (
            (self._gone, "a file that is gone"),
            (self._denied, "where nobody may look"),
        ):
            if links:
                others = and_more(links)
                self._ctx.gap("binaries", text(links[0]), f"a link to {what}{others}")

    def _imported(self, path: str, name: str) -> bool:
        """Whether a module lies here, by its name or by that of the file that is linked to."""
        root = max((r for r in self._roots if path.startswith(f"{r}/")), key=len, default="")
        *folders, own = path[len(root) + 1 :].split("/")
        is_module = python_tag(own) is not None or own == name
        return is_module and all(folder.isidentifier() for folder in folders)


def identity(path: str) -> Identity | None:
    """What all paths of one file or folder have in common; None when it is gone."""
    try:
        status = os.stat(path)  # noqa: PTH116 - Path.stat costs four times as much
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_imported_from(folder: str) -> bool:
    """Whether a project's folder can hold its own modules: no build output, no environment."""
    name = Path(folder).name
    hidden = name.startswith(".") or name in _NOT_OURS
    return not hidden and not Path(folder, "pyvenv.cfg").exists()
