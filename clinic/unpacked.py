"""Unpacked wheels, which patients share by hard links, within a limit: CLINIC_UNPACKED, in GB."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from clinic.wheels import cache

LIMIT = float(os.environ.get("CLINIC_UNPACKED") or 10)
_lock = threading.Lock()
_held: dict[str, int] = {}  # bytes of each wheel that has been unpacked; "": what was there before


@contextmanager
def unpacking(wheels: Sequence[Path], own: Path | None = None) -> Iterator[Path]:
    """uv's cache for one installation, emptied first if these wheels would not fit.

    What has been installed keeps its files: hard links. `own`: a cache for this patient alone, whose
    files are symbolic links into it.
    """
    if own:
        yield own
        return
    store = cache() / "uv"
    store.mkdir(parents=True, exist_ok=True)
    # Nobody empties it meanwhile, no other process either.
    with _lock, (cache() / "uv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _held.setdefault("", _bytes(store))
        new = {str(w): _unpacked(w) for w in wheels if str(w) not in _held}
        if sum(_held.values()) + sum(new.values()) > LIMIT * 1e9:
            for path in store.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            _held.clear()
            new = {str(w): _unpacked(w) for w in wheels}
        _held.update(new)
        yield store


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _unpacked(wheel: Path) -> int:
    with zipfile.ZipFile(wheel) as archive:
        return sum(info.file_size for info in archive.infolist())
