"""What undo takes away lies aside as it was, also when another file system must hold it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gpufix.engine.journal import aside
from gpufix.engine.journal.aside import Aside

TIME = 1_600_000_000_000_000_001  # ns


def made(top: Path) -> Path:
    """A folder with a file, a link to nothing, an empty folder; each with a time and a mode."""
    thing = top / "thing"
    (thing / "deep" / "empty").mkdir(parents=True)
    (thing / "deep" / "file").write_bytes(b"bytes")
    (thing / "deep" / "file").chmod(0o640)
    (thing / "link").symlink_to("deep")
    (thing / "to nothing").symlink_to("gone")
    (thing / "deep").chmod(0o750)
    for path in sorted(thing.rglob("*"), reverse=True):
        os.utime(path, ns=(TIME, TIME), follow_symlinks=False)
    os.utime(thing, ns=(TIME, TIME))
    return thing


def looks(top: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, time and content of all that is below."""
    found = {}
    below = [] if top.is_symlink() else top.rglob("*")
    for path in [top, *below]:
        status = path.lstat()
        text = (
            str(path.readlink())
            if path.is_symlink()
            else path.read_text()
            if path.is_file()
            else ""
        )
        found[str(path.relative_to(top))] = (status.st_mode, status.st_mtime_ns, text)
    return found


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename to the folder aside crosses file systems; within it, it does not."""
    rename = os.rename

    def crossing(source: str, target: str) -> None:
        if ("aside" in str(source)) != ("aside" in str(target)):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(os, "rename", crossing)


@pytest.mark.parametrize("name", ["thing", "thing/deep/file", "thing/link", "thing/to nothing"])
@pytest.mark.usefixtures("elsewhere")
def test_a_copy_looks_like_what_was_there(tmp_path: Path, name: str) -> None:
    thing, expected = made(tmp_path / "there").parent / name, looks(tmp_path / "there" / name)
    Aside(tmp_path / "aside").take(str(thing))
    assert not os.path.lexists(thing)
    assert looks(Path(f"{tmp_path}/aside/1{thing}")) == expected
    assert list((tmp_path / "aside").rglob("*.half")) == []


@pytest.mark.parametrize("left", ["file", "link"])
@pytest.mark.usefixtures("elsewhere")
def test_half_a_copy_of_a_killed_run_is_not_taken_for_the_thing(tmp_path: Path, left: str) -> None:
    thing = made(tmp_path / "there") / "deep/file"
    expected = looks(thing)
    half = Path(f"{tmp_path}/aside/1{thing}.half")
    half.parent.mkdir(parents=True)
    if left == "file":
        half.write_text("half")
    else:
        half.symlink_to(tmp_path)
    Aside(tmp_path / "aside").take(str(thing))
    assert looks(Path(f"{tmp_path}/aside/1{thing}")) == expected
    assert not os.path.lexists(half)


@pytest.mark.usefixtures("elsewhere")
def test_what_is_added_while_a_folder_is_copied_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing, copy = made(tmp_path / "there"), aside._copy

    def added_meanwhile(path: str, target: str) -> None:
        copy(path, target)
        if path.endswith("/file"):
            for folder in (thing, thing / "deep"):
                (folder / "late").write_text("mine")

    monkeypatch.setattr(aside, "_copy", added_meanwhile)
    with pytest.raises(OSError, match="not empty"):
        Aside(tmp_path / "aside").take(str(thing))
    assert (thing / "deep/late").read_text() == (thing / "late").read_text() == "mine"
    assert [was for _, was in aside.held(tmp_path / "aside") if was == str(thing / "deep/file")]


@pytest.mark.usefixtures("elsewhere")
def test_what_is_being_written_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thing = made(tmp_path / "there") / "deep" / "file"
    copy = aside._copy

    def written_meanwhile(path: str, target: str) -> None:
        copy(path, target)
        with thing.open("ab") as file:
            file.write(b" and more")

    monkeypatch.setattr(aside, "_copy", written_meanwhile)
    with pytest.raises(OSError, match="somebody is writing it"):
        Aside(tmp_path / "aside").take(str(thing))
    assert thing.read_bytes() == b"bytes and more"
    assert not os.path.lexists(f"{tmp_path}/aside/1{thing}")


@pytest.mark.parametrize(
    ("change", "is_moved"),
    [
        (lambda path: None, False),
        (lambda path: path.chmod(0o600), False),
        (lambda path: path.write_bytes(b"other"), True),
        (lambda path: os.utime(path, ns=(TIME, TIME + 1)), True),
        (lambda path: (path.with_name("new").write_bytes(b"bytes"), path.with_name("new").replace(path)), True),
    ],
    ids=["nothing", "its mode", "its bytes", "its time", "another file"],
)  # fmt: skip
def test_another_file_by_now(tmp_path: Path, change: object, is_moved: bool) -> None:
    path = made(tmp_path) / "deep" / "file"
    before = path.lstat()
    change(path)  # type: ignore[operator]
    assert aside.moved(before, path.lstat()) is is_moved


def test_the_later_lies_higher(tmp_path: Path) -> None:
    keeper, path = Aside(tmp_path / "aside"), tmp_path / "file"
    for text in ("one", "two"):
        path.write_text(text)
        keeper.take(str(path))
    path.mkdir()
    (path / "in it").write_text("three")
    keeper.take(str(path / "in it"))
    lies = {
        Path(place).relative_to(tmp_path / "aside").parts[0]: was
        for place, was in aside.held(tmp_path / "aside")
    }
    assert lies == {"1": str(path), "2": str(path), "3": str(path / "in it")}


def test_folders_made_for_what_lies_aside_look_like_those_that_stand(tmp_path: Path) -> None:
    thing = made(tmp_path / "there")
    Aside(tmp_path / "aside").take(str(thing / "deep" / "file"))
    Aside(tmp_path / "aside").take(str(thing / "link"))
    Path(f"{tmp_path}/aside/1{thing}/link").unlink()
    (tmp_path / "aside" / "2" / "empty").mkdir(parents=True)
    os.utime(thing / "deep", ns=(TIME, TIME))
    aside.tidy(tmp_path / "aside")
    assert [p.name for p in (tmp_path / "aside").iterdir()] == ["1"]
    status = Path(f"{tmp_path}/aside/1{thing}/deep").stat()
    assert (status.st_mode & 0o7777, status.st_mtime_ns) == (0o750, TIME)
    Path(f"{tmp_path}/aside/1{thing}/deep/file").unlink()
    aside.tidy(tmp_path / "aside")
    assert not (tmp_path / "aside").exists()
