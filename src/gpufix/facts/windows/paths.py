"""Windows' paths, and where what they name lies here."""

from __future__ import annotations

import os
import re
from pathlib import Path, PureWindowsPath

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_MAX_LISTED = 20_000


def is_windows_path(path: str) -> bool:
    r"""Whether it begins with a drive: "C:\Users"."""
    return _DRIVE.match(path) is not None


def below(folder: str, *names: str) -> str | None:
    """A path below a folder, each name in whatever case; None when nothing is there."""
    for name in names:
        path = f"{folder.rstrip('/')}/{name}"
        if not os.path.lexists(path):
            own = _in_other_case(folder, name)
            if own is None:
                return None
            path = f"{folder.rstrip('/')}/{own}"
        folder = path
    return folder


def _in_other_case(folder: str, name: str) -> str | None:
    try:
        with os.scandir(folder) as entries:
            names = (entry.name for entry, _ in zip(entries, range(_MAX_LISTED), strict=False))
            return next((n for n in names if n.lower() == name.lower()), None)
    except OSError:
        return None


def names_in(folder: str | None) -> list[str]:
    """The names in a folder, sorted; none where there is no such folder."""
    try:
        with os.scandir(folder or "\0") as entries:
            return sorted(entry.name for entry, _ in zip(entries, range(_MAX_LISTED), strict=False))
    except (OSError, ValueError):
        return []


def drive_of(path: str, *names: str) -> str | None:
    r"""The root of the drive that a path lies on: the nearest folder above that holds these names.

    `C:` is a mounted folder here (/mnt/c, drive_c): which one, what lies on it tells.
    """
    for folder in map(str, Path(path).parents):
        if below(folder, *names):
            return folder.rstrip("/") or "/"
    return None


def here(path: str, near: str) -> str | None:
    r"""Where a Windows path lies here, told from a file of the same drive; None: not in reach."""
    if not is_windows_path(path):
        return None
    if os.name == "nt":
        return path.replace("\\", "/") if os.path.lexists(path) else None
    names = PureWindowsPath(path).parts[1:]
    drive = drive_of(near, *names) if names else None
    return below(drive, *names) if drive else None
