"""A virtual environment's folder: who made it, whether it is whole, and one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


class Stop(Exception):
    """Why the environment cannot be made, in one sentence."""


@dataclass(frozen=True)
class Environment:
    """The folder, and the file in it that says that we made it and whether it is whole."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def _mark(self) -> Path:
        return self.folder / ".made-by-make"

    @property
    def ours(self) -> bool:
        return self._mark.exists()

    def begin(self) -> None:
        """From here on, whoever finds the folder knows that it is half made."""
        self._mark.write_text("half made\n")

    def end(self) -> None:
        """The folder is whole."""
        self._mark.write_text("whole\n")

    def is_empty(self) -> bool:
        return not any(self.folder.iterdir())

    def has_pip(self) -> bool:
        """Whether its interpreter is there and can import pip."""
        try:
            done = subprocess.run([self.python, "-I", "-c", "import pip"], capture_output=True)
        except OSError:
            return False
        return done.returncode == 0

    def contents(self) -> set[Path]:
        """What an installation adds to or removes from: the distributions and the commands."""
        folders = [self.folder / "bin", *self.folder.glob("lib/python3*/site-packages")]
        return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}

    def has(self, distribution: str) -> bool:
        """Whether "name-version" is installed."""
        return any(path.name == f"{distribution}.dist-info" for path in self.contents())

    def settle(self) -> None:
        """Empty the folder when it is half made; refuse what is somebody else's."""
        if self.is_empty():
            return
        if not (self.ours or (self.folder / "pyvenv.cfg").exists()):
            raise Stop(f"{self.folder} is not a virtual environment: set VENV= to a new folder")
        if self.has_pip() and not (self.ours and self._mark.read_text() != "whole\n"):
            return
        if not self.ours and any(path.suffix == ".dist-info" for path in self.contents()):
            raise Stop(
                f"{self.folder} has packages but no pip, and `make` has not made it: "
                "remove it, or set VENV= to a new folder"
            )
        print(f"gpufix: {self.folder} is half made: made again", flush=True)
        self.empty()

    def empty(self) -> None:
        """Remove all that is in the folder; the mark goes last, a kill leaves it half made."""
        for path in sorted(self.folder.iterdir(), key=lambda path: path == self._mark):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def remove(self) -> None:
        """Remove the folder."""
        self.empty()
        with suppress(OSError):  # a link to a folder, or a mount
            self.folder.rmdir()


@contextmanager
def held(folder: Path) -> Iterator[Environment]:
    """The folder, locked. pip inherits the lock: one that outlives a kill is waited for."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise Stop(
                f"{folder} cannot be made ({error.strerror}): set VENV=/another/folder"
            ) from error
        os.set_inheritable(handle, True)
        _lock(handle, folder)
        if folder.exists() and os.path.samestat(os.fstat(handle), folder.stat()):
            break  # else another process has removed it meanwhile
        os.close(handle)
    try:
        yield Environment(folder)
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"gpufix: waits for the process that works in {folder}", flush=True)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        pass  # a file system without locks
