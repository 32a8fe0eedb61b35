"""sys.path as the patient would have it, computed from the layout: nothing of it is run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import read_whole, text, why
from gpufix.facts.windows.paths import here
from gpufix.model import PthFile

_LIMIT_BYTES, _LIMIT_FILES, _LIMIT_LINES = 1 << 20, 1000, 2000


@dataclass
class SitePaths:
    """Grows in the order in which Python's own `site` module extends sys.path."""

    ctx: CollectContext
    near: str | None = None  # a folder of a Windows Python: its .pth files hold Windows' paths
    paths: list[str] = field(default_factory=list)
    pth_files: list[PthFile] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)  # site folders proper, without .pth additions
    _known: set[str] = field(default_factory=set)

    def add(self, paths: Iterable[str]) -> None:
        """Append plain entries, each once."""
        for path in paths:
            if (known := os.path.normpath(path)) not in self._known:
                self._known.add(known)
                self.paths.append(path)

    def add_site(self, folder: str) -> None:
        """Append a site folder, and what its .pth files add, as `site.addsitedir` would."""
        if not is_dir(folder):
            return
        if folder not in self.sites:
            self.sites.append(folder)
        self.add([folder])
        for name in self._pth_names(folder):
            pth = self._parse(folder, name)
            self.pth_files.append(pth)
            self.add(p for p in pth.paths if Path(p).exists())

    def _pth_names(self, folder: str) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                names = sorted(e.name for e in entries if _is_pth(e.name))
        except OSError as error:
            self.ctx.gap("python", text(folder), f"cannot be listed: {why(error)}")
            return []
        if len(names) > _LIMIT_FILES:
            self.ctx.gap("python", text(folder), f"only {_LIMIT_FILES} .pth files were read")
        return names[:_LIMIT_FILES]

    def _parse(self, folder: str, name: str) -> PthFile:
        path = str(Path(folder, name))
        try:
            lines = (
                read_whole(path, _LIMIT_BYTES).decode("utf-8-sig", "surrogateescape").splitlines()
            )
        except OSError as error:
            self.ctx.gap("python", text(path), f"cannot be read: {why(error)}")
            lines = []
        paths, runs = [], False
        for line in lines[:_LIMIT_LINES]:
            if line.startswith(("import ", "import\t")):
                runs = True
            elif line.strip() and not line.startswith("#") and "\0" not in line:
                paths.append(os.path.normpath(Path(folder, self._plain(line.rstrip()))))
        return PthFile(path=text(path), paths=[text(p) for p in paths], runs_code=runs)

    def _plain(self, line: str) -> str:
        """A line of a .pth file as a path of this machine."""
        if self.near is None:
            return line
        return here(line, self.near) or line.replace("\\", "/")


def _is_pth(name: str) -> bool:
    return name.endswith(".pth") and not name.startswith(".")


def is_dir(path: str) -> bool:
    """Whether it is a folder that can be seen; False for what no path can be."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False
