"""Where undo puts what it takes away: nothing is deleted before it is proven to be the run's own.

Below the folder, in `1`, things lie under their own absolute paths: `cp -a ASIDE/1/. /` brings all back.
What would lie where something else does already goes to `2`, and so on.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from gpufix.engine.journal.lock import make_folder

NAME = "aside"
_ELSEWHERE = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES}


class Aside:
    """The folder of one run, on the file system of what is put there where that can be had."""

    def __init__(self, folder: Path):
        self.folder = folder

    def take(self, path: str) -> None:
        """Move it there, with all that is below it. Raises OSError; it is then where it was."""
        place = self._place(path)
        try:
            os.rename(path, place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copied(path, place)
            shutil.rmtree(path) if _is_folder(path) else os.unlink(path)

    def note(self, path: str) -> None:
        """Keep what is there now under a second name; it is about to be replaced. Raises OSError."""
        place = self._place(path)
        try:
            os.link(path, place, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _ELSEWHERE:
                raise
            self._copied(path, place)

    def copy(self, path: str) -> None:
        """Keep its bytes; it is about to be written into. Raises OSError."""
        self._copied(path, self._place(path))

    def _copied(self, path: str, place: str) -> None:
        """All or nothing: what is half copied is not taken for the thing."""
        half = f"{place}.half"
        make: Callable[[str, str], object] = shutil.copy2
        if _is_folder(path):
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(path, half, symlinks=True)
        elif os.path.islink(path):
            os.symlink(os.readlink(path), half)
        else:
            make(path, half)
        os.rename(half, place)

    def _place(self, path: str) -> str:
        make_folder(self.folder)
        number = 1
        while True:
            place = f"{self.folder}/{number}{path}"
            try:
                os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
                if not os.path.lexists(place):
                    return place
            except (FileExistsError, NotADirectoryError):
                pass  # a file lies where a folder would have to
            number += 1


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def held(folder: Path) -> Iterator[tuple[str, str]]:
    """(where it lies, where it was) of each file, link and empty folder that was put aside."""
    for top in sorted(folder.glob("[0-9]*")) if folder.is_dir() else ():
        for place, folders, files in os.walk(top):
            links = [name for name in folders if os.path.islink(f"{place}/{name}")]
            for name in [*files, *links]:
                lies = f"{place}/{name}"
                yield lies, lies.removeprefix(str(top))


def tidy(folder: Path) -> None:
    """Remove what is empty, the folder itself included."""
    if folder.is_dir():
        for place, _, _ in os.walk(folder, topdown=False):
            if not os.listdir(place):
                os.rmdir(place)
