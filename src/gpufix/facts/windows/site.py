"""A Windows patient's modules and DLLs, as an import that is followed finds them."""

from __future__ import annotations

from posixpath import basename
from typing import cast

from gpufix.binary.pe_loader.state import WindowsState, is_driver_dll
from gpufix.facts.libraries.imports import Site
from gpufix.facts.windows.judge import WindowsJudge
from gpufix.facts.windows.paths import below
from gpufix.files import read_whole
from gpufix.source.python.import_world import Loads

_LIBRARY_LIMIT = 256 << 20


class WindowsSite(Site):
    """As Site; folders that the code adds count for what it loads after."""

    @property
    def _windows(self) -> WindowsState:
        return cast("WindowsState", self.state)

    def add_folder(self, folder: str) -> None:
        """See World."""
        self.state = self._windows.adding(folder)

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        """See World. Folders that are added by code which was not followed count as added."""
        found = super().load(path, everywhere=everywhere, lazy=lazy)
        if found != "lacks":
            return found
        judge = cast("WindowsJudge", self._preloaded)
        again = judge.with_folders(self._windows, self.refused[path])
        if not again.loads:
            return found
        del self.refused[path]
        self.loaded[path] = again
        return "loads"

    def exists(self, path: str) -> bool:
        """See World: names differ by more than case."""
        return super().exists(path) or below("/", *path.strip("/").split("/")) is not None

    def locate(self, name: str) -> str | None:
        """See World: LoadLibrary adds ".dll" to a name without an ending."""
        file = name if "." in basename(name) else f"{name}.dll"
        found = self._windows.locate(file)
        if found is not None:
            return found if found.startswith("/") else None
        return "" if self._windows.knows(file) and not is_driver_dll(file) else None

    def load_nvidia(self, name: str) -> bool:
        """See World: where cuda.pathfinder looks on Windows is not followed."""
        return False

    def defines(self, library: str, operator: str) -> bool | None:
        """See World."""
        space, _, name = operator.partition("::")
        try:
            data = read_whole(library, _LIBRARY_LIMIT)
        except OSError:
            return None
        return space.encode() in data and name.partition(".")[0].encode() in data
