"""The files of a project while a build file copies some of them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection

from gpufix.source.builds.world import BuildFiles

_MOST = 64  # copies in one run


class WithCopies:
    """Files, and what a run has copied so far: a copy is read where it came from."""

    def __init__(self, files: BuildFiles) -> None:
        self._files = files
        self._copies: dict[str, str] = {}  # target: source
        self._within = ""  # what all targets begin with

    def copied(self, source: str, target: str) -> None:
        """A file or a folder lies at `target` too; a folder there takes a file in."""
        if self.is_folder(target) and not self.is_folder(source):
            target = f"{target}/{source.rpartition('/')[2]}"
        if self.exists(source) and not self.exists(target) and len(self._copies) < _MOST:
            self._copies[target] = self._origin(source)
            self._within = posixpath.commonprefix([self._within or target, target])

    def text(self, path: str) -> str | None:
        """The text of a file."""
        return self._files.text(self._origin(path))

    def exists(self, path: str) -> bool | None:
        """Whether a file or a folder lies there."""
        return self._files.exists(self._origin(path))

    def is_folder(self, path: str) -> bool | None:
        """Whether a folder lies there."""
        return self._files.is_folder(self._origin(path))

    def names_in(self, folder: str) -> Collection[str] | None:
        """The names in a folder, of files and folders."""
        names = self._files.names_in(self._origin(folder))
        own = {p.rpartition("/")[2] for p in self._copies if p.rpartition("/")[0] == folder}
        return names if names is None or not own else {*names, *own}

    def _origin(self, path: str) -> str:
        if not self._copies or not path.startswith(self._within):
            return path
        for target, source in self._copies.items():
            if path == target or path.startswith(f"{target}/"):
                return source + path[len(target) :]
        return path
