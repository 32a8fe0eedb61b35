"""Where undo puts what it takes away: nothing is deleted before it is proven to be the run's own.

Below the folder, in `1`, things lie under their own absolute paths. What would lie where something else
does already goes to `2`, and so on: the later, the higher.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from gpufix.engine.journal.lock import make_folder

NAME = "aside"


class Aside:
    """The folder of one run, on the file system of what is put there where that can be had."""

    def __init__(self, folder: Path):
        self.folder = folder

    def take(self, path: str, lies: str | None = None) -> None:
        """Move it there, with all that is below it; `lies`: where it lies now, if not at its path.

        Raises OSError; what could not be moved is then where it was.
        """
        place, lies = self._place(path), lies or path
        try:
            os.rename(lies, place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            if _is_folder(lies):
                self._take_apart(path, lies, place)
            else:
                self._copied(lies, place)
                os.unlink(lies)

    def _take_apart(self, path: str, lies: str, place: str) -> None:
        """A folder from another file system: what somebody adds to it meanwhile stays, and so does it."""
        status = os.lstat(lies)
        os.mkdir(place, 0o700)
        for name in os.listdir(lies):
            self.take(f"{path}/{name}", f"{lies}/{name}")
        look_like(lies, place)
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.rmdir(lies)

    def copy(self, path: str, source: str) -> None:
        """Keep the bytes of `source`, another name of the path; it is about to be written into."""
        self._copied(source, self._place(path))

    def _copied(self, path: str, place: str) -> None:
        """All or nothing: what is half copied is not taken for the thing. Raises OSError."""
        half = f"{place}.half"
        with suppress(FileNotFoundError):
            os.unlink(half)
        before = os.lstat(path)
        _copy(path, half)
        if moved(before, os.lstat(path)):
            raise OSError(errno.EBUSY, "somebody is writing it")
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


def moved(before: os.stat_result, now: os.stat_result) -> bool:
    """Whether it is another file by now, or was written into."""
    told = [(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in (before, now)]
    return told[0] != told[1]


def _copy(path: str, target: str) -> None:
    """A file or a link, with all that is told of it. Raises OSError for what has no end, or no bytes."""
    if not stat.S_ISREG(mode := os.lstat(path).st_mode) and not stat.S_ISLNK(mode):
        raise OSError(errno.EINVAL, "neither a file nor a link, and cannot be moved from here")
    shutil.copy2(path, target, follow_symlinks=False)
    look_like(path, target)


def look_like(path: str, target: str) -> None:
    """Owner, mode, times and extended attributes, as far as this user may give them."""
    status = os.lstat(path)
    with suppress(PermissionError):
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    shutil.copystat(path, target, follow_symlinks=False)


def tops(folder: Path) -> list[Path]:
    """`1`, `2` and so on, those that are there."""
    found = folder.glob("[0-9]*") if folder.is_dir() else ()
    return sorted(found, key=lambda path: int(path.name))


def held(folder: Path) -> Iterator[tuple[str, str]]:
    """(where it lies, where it was) of each file and link that was put aside."""
    for top in tops(folder):
        for place, folders, files in os.walk(top):
            links = [name for name in folders if os.path.islink(f"{place}/{name}")]
            for name in [*files, *links]:
                lies = f"{place}/{name}"
                yield lies, lies.removeprefix(str(top))


def tidy(folder: Path) -> None:
    """Remove what is empty, the folder itself included.

    Folders that were made for what lies in them get the looks of those that stand in the tree: what
    copies them back gives the tree nothing else.
    """
    for place, _, _ in os.walk(folder, topdown=False):
        if not os.listdir(place):
            os.rmdir(place)
    for top in tops(folder):
        for place, _, _ in os.walk(top, topdown=False):
            stands = place.removeprefix(str(top))
            if stands and _is_folder(stands):
                look_like(stands, place)


def ways_back(folders: Iterable[Path], roots: Iterable[str]) -> list[tuple[str, str]]:
    """(from, to) of the copies that bring back what lies aside, the oldest first.

    From one of `roots` on: folders above them are nobody's to be touched.
    """
    found: list[tuple[str, str]] = []
    for top in (top for folder in folders for top in tops(folder)):
        done: list[str] = []
        for root in sorted(set(roots)):
            covered = any(root.startswith(f"{above}/") for above in done)
            if not covered and os.path.lexists(f"{top}{root}"):
                done.append(root)
                found.append((f"{top}{root}", root))
    return found
