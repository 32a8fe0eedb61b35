"""One scope is brought back: whatever was done to it, once or twice, and what cannot be is named."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gpufix.engine.journal import listing, restore
from gpufix.engine.journal.aside import Aside, held
from gpufix.engine.journal.keep import keep, place
from gpufix.engine.journal.listing import PARENT, ListedEntry, Scope, changed
from gpufix.engine.journal.restore import TEMPORARY, Restorer

OLD = 1_600_000_000_000_000_000  # ns


def made(root: Path) -> Path:
    """A folder with files, links, and a file that has another name outside."""
    top = root / "top"
    (top / "sub" / "deep").mkdir(parents=True)
    (top / "plain.py").write_bytes(b"plain")
    (top / "plain.py").chmod(0o640)
    (top / "sub" / "data.bin").write_bytes(b"data")
    (top / "sub" / "deep" / "x.o").write_bytes(b"object")
    (top / "link").symlink_to("sub")
    os.link(top / "sub" / "deep" / "x.o", root / "other-name.o")
    (top / "sub").chmod(0o750)
    for number, path in enumerate(sorted(root.rglob("*"), reverse=True)):
        os.utime(path, ns=(OLD + number, OLD + number), follow_symlinks=False)
    os.utime(root, ns=(OLD, OLD))
    return top


def state(root: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        same = (status.st_mode, status.st_mtime_ns)
        if path.is_symlink():
            found[str(path)] = (*same, path.readlink())
        elif path.is_file():
            found[str(path)] = (*same, status.st_nlink, path.read_bytes())
        else:
            found[str(path)] = same
    return found


def restorer_of(folder: Path, scope: Scope, before: dict[str, ListedEntry | None]) -> Restorer:
    kept = place(folder / "kept", before)
    return Restorer(scope, before, kept, Aside(folder / "aside"))


def write(path: Path, data: bytes) -> None:
    """In place, as compilers do."""
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


def replaced(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


DEEDS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda top: None,
    "a file is gone": lambda top: (top / "plain.py").unlink(),
    "a file is another": lambda top: replaced(top / "plain.py", b"other"),
    "a file is another of the same size and time": lambda top: (
        replaced(top / "plain.py", b"PLAIN"),
        os.utime(top / "plain.py", ns=(OLD, OLD)),
    ),
    "a mode is another": lambda top: (top / "plain.py").chmod(0o600),
    "a time is another": lambda top: os.utime(top / "plain.py"),
    "a file was added": lambda top: (top / "new.py").touch(),
    "a folder was added": lambda top: (top / "sub" / "new").mkdir(),
    "folders were added": lambda top: (top / "sub" / "new" / "deep").mkdir(parents=True),
    "a linked file is another": lambda top: replaced(top / "sub" / "data.bin", b"DATA"),
    "a folder's mode is another": lambda top: (top / "sub").chmod(0o700),
    "a folder is gone": lambda top: shutil.rmtree(top / "sub"),
    "all is gone": lambda top: shutil.rmtree(top),
    "a file is a folder": lambda top: ((top / "plain.py").unlink(), (top / "plain.py").mkdir()),
    "a folder is a file": lambda top: (shutil.rmtree(top / "sub"), (top / "sub").touch()),
    "a folder is a link": lambda top: (
        shutil.rmtree(top / "sub"),
        (top / "sub").symlink_to("plain.py"),
    ),
    "a link is gone": lambda top: (top / "link").unlink(),
    "a link leads elsewhere": lambda top: (
        (top / "link").unlink(),
        (top / "link").symlink_to("plain.py"),
    ),
    "a link is a file": lambda top: ((top / "link").unlink(), (top / "link").touch()),
    "a file with two names is gone": lambda top: (top / "sub" / "deep" / "x.o").unlink(),
    "a file with two names is another": lambda top: replaced(top / "sub" / "deep" / "x.o", b"new"),
    "a file was written under both names": lambda top: write(top / "sub" / "deep" / "x.o", b"OBJ"),
    "it was made longer": lambda top: write(top / "sub" / "deep" / "x.o", b"object and more"),
    "an undo was cut off": lambda top: (top / TEMPORARY).touch(),
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("times", [1, 2])
def test_it_is_as_it_was(deed: str, times: int, tmp_path: Path) -> None:
    root = tmp_path / "root"
    top = made(root)
    before = state(root)
    scope = Scope(str(top), policy="copy")
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    DEEDS[deed](top)
    for _ in range(times):
        restorer = restorer_of(tmp_path, scope, dict(kept))
        restorer.restore(changed(kept, listing.take(scope)))
        assert restorer.problems == []
    for name in ("kept", "aside"):  # whose links are names, too
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    assert state(root) == before


def test_bytes_decide_and_no_times(tmp_path: Path) -> None:
    """Within one tick of the kernel's clock, a new file may have the old one's number and times."""
    top = made(tmp_path / "root")
    scope = Scope(str(top), policy="copy")
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    write(top / "plain.py", b"PLAIN")
    now = (top / "plain.py").stat()
    entry = kept["plain.py"]._replace(inode=now.st_ino, ctime=now.st_ctime_ns)
    before = dict(kept) | {"plain.py": entry}
    restorer_of(tmp_path, scope, before).restore(["plain.py"])
    assert (top / "plain.py").read_bytes() == b"plain"


def test_bytes_are_compared_each_time(tmp_path: Path) -> None:
    top = made(tmp_path / "root")
    scope = Scope(str(top), policy="copy")
    before = dict(keep(scope, listing.take(scope), tmp_path / "kept"))
    restorer = restorer_of(tmp_path, scope, before)
    time = (top / "plain.py").stat().st_mtime_ns
    for data in (b"plain", b"PLAIN"):
        write(top / "plain.py", data)
        os.utime(top / "plain.py", ns=(time, time))
        restorer.restore(["plain.py"])
        assert (top / "plain.py").read_bytes() == b"plain"


def restored(tmp_path: Path, deed: Callable[[Path], object], keys: list[str]) -> list[str]:
    """What could not be put back of these keys."""
    top = made(tmp_path / "root")
    scope = Scope(str(top))
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    deed(top)
    restorer = restorer_of(tmp_path, scope, dict(kept))
    restorer.restore(keys)
    return [*restorer.problems, *restorer.lost.values()]


def test_what_somebody_has_put_into_a_new_folder_is_put_aside(tmp_path: Path) -> None:
    def add(top: Path) -> None:
        (top / "new").mkdir()
        (top / "new" / "mine").write_text("mine")

    assert restored(tmp_path, add, ["new"]) == []
    path = tmp_path / "root" / "top" / "new"
    assert not path.exists()
    ((lies, was),) = held(tmp_path / "aside")
    assert (was, Path(lies).read_text()) == (str(path / "mine"), "mine")


def test_bytes_that_are_not_what_was_kept_are_not_put_back(tmp_path: Path) -> None:
    """The kept name was a link, and somebody has written into the file."""
    (problem,) = restored(tmp_path, lambda top: write(top / "plain.py", b"PLAIN!"), ["plain.py"])
    assert problem.endswith("it was written in place, and its kept bytes with it")


def test_a_file_without_kept_bytes_is_named_unless_it_is_as_it_was(tmp_path: Path) -> None:
    top = made(tmp_path / "root")
    scope = Scope(str(top))
    before = dict(listing.take(scope))
    for deed, count in ((lambda: None, 0), ((top / "plain.py").unlink, 1)):
        deed()
        restorer = Restorer(scope, before, {}, Aside(tmp_path / "aside"))
        restorer.restore(["plain.py"])
        lost = [why.partition(": ")[2] for why in restorer.lost.values()]
        assert lost == ["its bytes were not kept"] * count


def test_a_folder_that_holds_more_now_keeps_its_time(tmp_path: Path) -> None:
    """The time of a last change that was somebody else's is not set back; the folder's above is."""
    top = made(tmp_path / "root")
    scope = Scope(str(top))
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    (top / "sub" / "data.bin").unlink()
    (top / "sub" / "mine").touch()
    since = (top / "sub").stat().st_mtime_ns
    os.utime(tmp_path / "root")
    restorer = restorer_of(tmp_path, scope, dict(kept))
    restorer.restore(["sub/data.bin", PARENT])
    assert restorer.problems == []
    assert (top / "sub").stat().st_mtime_ns >= since
    assert (tmp_path / "root").stat().st_mtime_ns == kept[PARENT].mtime


def test_a_folder_that_comes_back_is_nobody_elses_until_it_has_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes, link = [], restore._link

    def linking(source: Path, place: str) -> None:
        modes.append(stat.S_IMODE(Path(place).parent.stat().st_mode))
        link(source, place)

    monkeypatch.setattr(restore, "_link", linking)
    keys = ["sub", "sub/data.bin"]
    assert restored(tmp_path, lambda top: shutil.rmtree(top / "sub"), keys) == []
    assert modes == [0o700]
    assert stat.S_IMODE((tmp_path / "root" / "top" / "sub").stat().st_mode) == 0o750


def test_a_folder_that_cannot_be_made_is_a_problem_and_the_rest_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir

    def full(path: str, mode: int = 0o777) -> None:
        if Path(path).name == "sub":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        mkdir(path, mode)

    def deed(top: Path) -> None:
        shutil.rmtree(top / "sub")
        (top / "plain.py").unlink()
        monkeypatch.setattr(os, "mkdir", full)

    problems = restored(tmp_path, deed, ["plain.py", "sub"])
    assert [problem.rpartition("/")[2] for problem in problems] == ["sub: No space left on device"]
    assert (tmp_path / "root" / "top" / "plain.py").read_bytes() == b"plain"
