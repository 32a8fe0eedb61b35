"""Extended attributes in a dictionary: the file system of a test need not have them."""

from __future__ import annotations

import errno
import os

import pytest

Held = dict[str, dict[str, bytes]]  # path → name → value


def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """All that is set from now on, by anybody."""
    found: Held = {}

    def of(path: str | os.PathLike[str], name: str) -> dict[str, bytes]:
        names = found.get(os.fspath(path), {})
        if name not in names:
            raise OSError(errno.ENODATA, "No data available")
        return names

    def get(path: str, name: str, *, follow_symlinks: bool = True) -> bytes:
        return of(path, name)[name]

    def put(path: str, name: str, value: bytes, *_: int, follow_symlinks: bool = True) -> None:
        found.setdefault(os.fspath(path), {})[name] = value

    def remove(path: str, name: str, *, follow_symlinks: bool = True) -> None:
        del of(path, name)[name]

    def names(path: str, *, follow_symlinks: bool = True) -> list[str]:
        return list(found.get(os.fspath(path), {}))

    for name, call in (
        ("getxattr", get),
        ("setxattr", put),
        ("removexattr", remove),
        ("listxattr", names),
    ):
        monkeypatch.setattr(os, name, call)
    return found
