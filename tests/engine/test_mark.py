"""The mark on the folders of a run: whose it is, who takes it away, and what is none."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import attributes
import pytest

from gpufix.engine.journal import mark
from gpufix.engine.journal.listing import MARK


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> attributes.Held:
    return attributes.held(monkeypatch)


def run(top: Path, name: str = "one") -> Path:
    (top / name).mkdir(parents=True, exist_ok=True)
    return top / name


def begin(top: Path) -> dict[str, str]:
    """The first row of a run's journal, with folders that are there."""
    row = {"prefix": str(top / "env"), "project": str(top / "project")}
    for folder in row.values():
        Path(folder).mkdir(exist_ok=True)
    return row


def marks(row: dict[str, str]) -> list[Path | None]:
    return [mark.named(folder) for folder in row.values()]


def test_an_unmarked_folder_names_no_run(tmp_path: Path, held: attributes.Held) -> None:
    assert marks(begin(tmp_path)) == [None, None]


def test_both_folders_name_the_run_until_it_ends(tmp_path: Path, held: attributes.Held) -> None:
    row, own = begin(tmp_path), run(tmp_path)
    mark.put(own, row)
    assert marks(row) == [own, own]
    mark.clear(own, row)
    assert marks(row) == [None, None]
    mark.clear(own, row)  # and once more


def test_a_run_takes_nobody_elses_mark_away(tmp_path: Path, held: attributes.Held) -> None:
    row, own, other = begin(tmp_path), run(tmp_path), run(tmp_path, "other")
    mark.put(other, row)
    mark.clear(own, row)
    assert marks(row) == [other, other]


def test_a_run_without_a_project_marks_its_environment(
    tmp_path: Path, held: attributes.Held
) -> None:
    row, own = begin(tmp_path), run(tmp_path)
    mark.put(own, {"prefix": row["prefix"], "project": None})
    assert marks(row) == [own, None]


def test_the_copy_of_a_marked_folder_is_not_marked(tmp_path: Path, held: attributes.Held) -> None:
    row = begin(tmp_path)
    mark.put(run(tmp_path), row)
    copy = shutil.copytree(row["prefix"], tmp_path / "copy")
    assert held[str(copy)] == held[row["prefix"]]
    assert mark.named(str(copy)) is None


@pytest.mark.parametrize(
    "said", [b"", b"\xff", b"{", b"1", b"null", b"[]", b'["/env"]', b'["/env", "run"]', b'["/env", 1]']
)  # fmt: skip
def test_what_names_no_run(said: bytes, held: attributes.Held) -> None:
    held["/env"] = {MARK: json.dumps(["/env", "/run"]).encode()}
    assert mark.named("/env") == Path("/run")
    held["/env"] = {MARK: said}
    assert mark.named("/env") is None


def test_where_nothing_can_be_marked_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    for name in ("setxattr", "getxattr", "removexattr"):
        monkeypatch.setattr(os, name, refuse)
    row = begin(tmp_path)
    mark.put(run(tmp_path), row)
    assert marks(row) == [None, None]
    mark.clear(run(tmp_path), row)
