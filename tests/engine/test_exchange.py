"""A file gets its name, or changes it with another's, and overwrites nobody's."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gpufix.engine.journal.exchange import exchanged, named


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.chdir(tmp_path)
    one, other = Path("one"), Path("other")
    one.write_text("one")
    other.write_text("other")
    return one, other


def test_a_free_name_is_given(two: tuple[Path, Path]) -> None:
    assert named("one", "free")
    assert sorted(p.name for p in Path().iterdir()) == ["free", "other"]
    assert Path("free").read_text() == "one"


def test_a_name_that_is_somebodys_is_not_taken(two: tuple[Path, Path]) -> None:
    one, other = two
    assert not named("one", "other")
    assert (one.read_text(), other.read_text()) == ("one", "other")


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_links_it_is_renamed(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", _refuses(number))
    assert named("one", "free")
    assert sorted(p.name for p in Path().iterdir()) == ["free", "other"]


def test_another_failure_is_told(two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _refuses(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        named("one", "free")
    assert sorted(p.name for p in Path().iterdir()) == ["one", "other"]


def test_two_names_are_exchanged(two: tuple[Path, Path]) -> None:
    one, other = two
    assert exchanged("one", "other")
    assert (one.read_text(), other.read_text()) == ("other", "one")


def test_a_name_without_a_file_is_told(two: tuple[Path, Path]) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        exchanged("one", "free")
    assert caught.value.filename == "free"
    assert sorted(p.name for p in Path().iterdir()) == ["one", "other"]


@pytest.mark.parametrize(
    "call", [None, errno.ENOSYS, errno.EINVAL], ids=["no call", "ENOSYS", "EINVAL"]
)
def test_a_system_that_cannot_says_so(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, call: int | None
) -> None:
    def renameat2(*_: Any) -> int:
        ctypes.set_errno(call or 0)
        return -1

    library = type("Library", (), {} if call is None else {"renameat2": staticmethod(renameat2)})
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library())
    assert not exchanged("one", "other")
    assert two[0].read_text() == "one"


def _refuses(number: int) -> Any:
    def call(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return call
