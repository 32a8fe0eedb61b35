"""What belongs to a scope, when two states of a path are the same, and what of it is kept."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import attributes
import pytest

from gpufix.engine.journal import keep as keeping
from gpufix.engine.journal import listing
from gpufix.engine.journal.keep import keep, place, twin
from gpufix.engine.journal.listing import ListedEntry, Scope, changed, covers, equal, look, matters
from gpufix.engine.run_context import CorruptJournal, Refused

FILE = ListedEntry("file", 0o644, 5, 100, 200, 7, 1, None, "link")
COPY = FILE._replace(kept="copy")
FOLDER = ListedEntry("dir", 0o755, 0, 100, 200, 7, 1, None, "")
LINK = ListedEntry("link", 0o777, 0, 100, 200, 7, 1, "there", "")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (None, None, True),
        (FILE, FILE, True),
        (COPY, COPY, True),
        (FILE, FILE._replace(ctime=201), True),  # its link for undo has moved that
        (LINK, LINK._replace(mtime=101), True),
        (FOLDER, FOLDER._replace(inode=8), True),
        (FILE, FILE._replace(kept=""), True),
        # and what differs
        (None, FILE, False),
        (FILE, None, False),
        (FILE, FOLDER, False),
        (FILE, FILE._replace(mode=0o600), False),
        (FILE, FILE._replace(size=6), False),
        (FILE, FILE._replace(mtime=101), False),
        (FILE, FILE._replace(inode=8), False),
        (COPY, COPY._replace(ctime=201), False),  # written in place, with its time set back
        (FOLDER, FOLDER._replace(mtime=101), False),
        (LINK, LINK._replace(target="elsewhere"), False),
        (LINK, LINK._replace(inode=8), False),
    ],
)
def test_two_states_of_a_path(
    before: ListedEntry | None, after: ListedEntry | None, same: bool
) -> None:
    assert equal(before, after, times=True) is same
    states = {"a": before}, {"a": after}
    assert changed(*states) == ([] if same else ["a"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FILE, FILE._replace(inode=8)),  # an overlay was mounted again
        (COPY, COPY._replace(inode=8, ctime=201)),
        (LINK, LINK._replace(inode=8)),
    ],
)
def test_where_inode_numbers_say_nothing(before: ListedEntry, after: ListedEntry) -> None:
    assert equal(before, after, identity=False)
    assert not equal(before, after)


def test_a_folders_time_counts_where_it_is_asked_for() -> None:
    assert equal(FOLDER, FOLDER._replace(mtime=101))


def test_what_differs_is_told_for_either_side() -> None:
    before = {"gone": FILE, "same": FILE, "other": FILE}
    after = {"same": FILE, "other": FILE._replace(size=1), "new": FILE}
    assert changed(before, after) == ["gone", "other", "new"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.py", True),
        ("", True),
        ("..", False),
        ("a.pyc", False),
        ("pkg/__pycache__", False),
        ("pkg/__pycache__/a.cpython-311.pyc", False),
        ("pycache", True),
    ],
)
def test_what_speaks_against_an_undo(key: str, expected: bool) -> None:
    assert matters(key) is expected


SCOPE = Scope(
    "/env", only=("lib", "bin"), skip=(".git",), outside=("/env/lib/state",), environments=False
)


@pytest.mark.parametrize(
    ("scope", "folder", "name", "expected"),
    [
        (Scope("/env"), "", "anything", True),
        (SCOPE, "", "lib", True),
        (SCOPE, "", "share", False),
        (SCOPE, "lib", "share", True),  # names are asked for at the top alone
        (SCOPE, "", "~ib", True),  # what pip has renamed and was to remove
        (SCOPE, "", ".git", False),
        (SCOPE, "lib", ".git", False),
        (SCOPE, "lib", "state", False),
        (SCOPE, "bin", "state", True),
        (SCOPE, "", ".gpufix-kept-20250101", False),
        (SCOPE, "lib", ".gpufix-kept-20250101", False),
        (Scope("/env", outside=("/env/state",)), "", "state", False),
    ],
)
def test_what_belongs_to_a_scope(scope: Scope, folder: str, name: str, expected: bool) -> None:
    assert covers(scope, folder, name) is expected


def test_what_lies_in_a_folder_that_a_step_has_made_belongs_to_it(tmp_path: Path) -> None:
    """A clone that CMake makes brings a .git: a name that a build's scope skips elsewhere."""
    scope = Scope(str(tmp_path), skip=(".git",), environments=False)
    (tmp_path / "old").mkdir()
    before = listing.take(scope)
    for folder in ("old", "new"):
        (tmp_path / folder / ".git").mkdir(parents=True)
        (tmp_path / folder / "venv" / "bin").mkdir(parents=True)
        (tmp_path / folder / "venv" / "pyvenv.cfg").touch()
        (tmp_path / folder / "venv" / "bin" / "python").touch()
    added = listing.take(scope, before).keys() - before.keys()
    assert added == {
        f"new{name}"
        for name in ("", "/.git", "/venv", "/venv/pyvenv.cfg", "/venv/bin", "/venv/bin/python")
    }


@pytest.mark.parametrize("environments", [True, False])
def test_environments_below_belong_to_it_or_not(environments: bool, tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "python").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pyvenv.cfg").touch()  # a name alone makes no environment
    found = listing.take(Scope(str(tmp_path), environments=environments))
    assert ("venv/pyvenv.cfg" in found, "src" in found) == (environments, True)


def test_the_state_of_a_scope(tmp_path: Path) -> None:
    top = tmp_path / "top"
    assert list(listing.take(Scope(str(top)))) == [".."], "its folder's time only"
    assert list(listing.take(Scope(str(tmp_path / "no" / "top")))) == []
    (top / "a").mkdir(parents=True)
    (top / "a" / "file").write_text("12345")
    (top / "a" / "file").chmod(0o640)
    (top / "link").symlink_to("a")
    os.mkfifo(top / "pipe")
    found = listing.take(Scope(str(top)))
    kinds = {key: entry.kind for key, entry in found.items()}
    assert kinds == {
        "..": "dir", "": "dir", "a": "dir", "a/file": "file", "link": "link", "pipe": "other",
    }  # fmt: skip
    entry = found["a/file"]
    assert (entry.mode, entry.size, entry.links, entry.target) == (0o640, 5, 1, None)
    assert (found["link"].target, found["a"].size) == ("a", 0)
    (tmp_path / "file").touch()
    assert look(str(tmp_path / "file" / "below")) is None, "a file has nothing below it"


@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_what_is_removed_while_it_is_listed_hides_nothing_else(
    gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    names = os.listdir

    def removing(folder: str) -> list[str]:
        found = names(folder)
        (tmp_path / gone).unlink()
        return found

    monkeypatch.setattr(os, "listdir", removing)
    assert {"a", "b", "c"} - listing.take(Scope(str(tmp_path))).keys() == {gone}


NOTE = {"user.note": b"mine"}


@pytest.mark.parametrize(
    ("there", "seen"),
    [
        ({}, {}),
        ({listing.MARK: b"run", "security.selinux": b"label"}, {}),  # not the user's
        (NOTE | {listing.MARK: b"run"}, NOTE),
        (NOTE | {"system.posix_acl_access": b"\2"}, NOTE | {"system.posix_acl_access": b"\2"}),
    ],
)
def test_attributes_that_users_set_are_a_part_of_the_state(
    there: dict[str, bytes],
    seen: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = attributes.held(monkeypatch)
    before = look(str(tmp_path))
    held[str(tmp_path)] = dict(there)
    entry = look(str(tmp_path))
    assert before is not None and entry is not None
    assert equal(before, entry) is (seen == {})
    held[str(tmp_path)] = {"user.other": b"since"}
    listing.set_attributes(str(tmp_path), entry)
    assert held[str(tmp_path)] == seen


def test_of_an_older_listing_owner_and_attributes_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = attributes.held(monkeypatch)
    path = made(tmp_path / "file")
    held[str(path)] = dict(NOTE)
    listing.set_attributes(str(path), FILE._replace(owner="", mode=0o640))
    assert held[str(path)] == NOTE
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime_ns) == (0o640, FILE.mtime)


@pytest.mark.parametrize(
    ("later", "asked"),
    [
        (1, False),
        (0, True),  # something may have changed since in the same tick of the clock
        (-1, True),
    ],
)
def test_what_is_known_is_asked_again_unless_it_has_settled(
    later: int, asked: bool, tmp_path: Path
) -> None:
    made(tmp_path / "file")
    scope = Scope(str(tmp_path))
    known = listing.take(scope)
    known["file"] = known["file"]._replace(attributes="of then")
    entry = listing.take(scope, known, known["file"].ctime + later)["file"]
    assert (entry.attributes == "") is asked


@pytest.mark.parametrize("field", ["ctime", "inode", "device"])
def test_what_has_changed_is_asked_again(field: str, tmp_path: Path) -> None:
    path = str(made(tmp_path / "file"))
    entry = look(path)
    assert entry is not None
    known = entry._replace(**{field: getattr(entry, field) - 1}, attributes="of then")
    assert look(path, known, entry.ctime + 1) == entry


def test_too_much_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    monkeypatch.setattr(listing, "_LIMIT", 4)  # .., the folder itself, a, a/b
    assert len(listing.take(Scope(str(tmp_path)))) == 4
    monkeypatch.setattr(listing, "_LIMIT", 2)
    with pytest.raises(Refused, match="more than 2 files"):
        listing.take(Scope(str(tmp_path)))


def test_a_listing_is_read_back_or_an_error(tmp_path: Path) -> None:
    states = {"": FOLDER, "a\udcff\n": FILE, "gone": None, "link": LINK}
    digest = listing.save(tmp_path / "before", states)
    assert listing.load(tmp_path / "before", digest) == states
    assert stat.S_IMODE((tmp_path / "before").stat().st_mode) == 0o600
    with pytest.raises(CorruptJournal, match="not what was written"):
        listing.load(tmp_path / "before", "0" * 64)
    with pytest.raises(CorruptJournal, match="cannot be read"):
        listing.load(tmp_path / "after", digest)


def test_a_listing_of_an_older_gpufix_is_read(tmp_path: Path) -> None:
    data = b"".join(
        json.dumps(row).encode() + b"\n" for row in (["", FOLDER], ["a", FILE], ["gone", None])
    )
    (tmp_path / "before").write_bytes(data)
    found = listing.load(tmp_path / "before", hashlib.sha256(data).hexdigest())
    assert found == {"": FOLDER, "a": FILE, "gone": None}
    assert listing.load(tmp_path / "empty", listing.save(tmp_path / "empty", {})) == {}


def test_a_scope_comes_back_from_the_journal() -> None:
    for scope in (SCOPE, Scope("/env"), replace(SCOPE, near="/env", policy="copy")):
        assert Scope.of(scope.record()) == scope


def made(path: Path, size: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)
    return path


MIB = 1 << 20
WAYS = [
    # what an installer touches it unlinks, but for one file that it writes into
    ("link", "pkg/mod.py", 1, "link"),
    ("link", "easy-install.pth", 1, "copy"),
    # what a build may write into is copied, unless it is large and no compiler's
    ("copy", "pkg/mod.py", 1, "copy"),
    ("copy", "Makefile", 1, "copy"),
    ("copy", "pkg/kernel.cu", 4 * MIB, "copy"),
    ("copy", "pkg/kernel.cu", 4 * MIB + 1, "link"),
    ("copy", "pkg/model.bin", 1, "link"),
    ("copy", "build/model.bin", 1, "copy"),
    ("copy", "pkg.egg-info/model.bin", 1, "copy"),
    ("copy", "rebuild/model.bin", 1, "link"),
    ("copy", "build/model.bin", 4 * MIB + 1, "link"),
    ("copy", "pkg/_C.so", 4 * MIB + 1, "copy"),
    ("copy", "pkg/_C.o", 4 * MIB + 1, "copy"),
]


@pytest.mark.parametrize(("policy", "name", "size", "how"), WAYS)
def test_how_a_file_is_kept(policy: str, name: str, size: int, how: str, tmp_path: Path) -> None:
    path = made(tmp_path / "env" / name, size)
    scope = Scope(str(tmp_path / "env"), policy=policy)  # type: ignore[arg-type]
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    source = Path(place(tmp_path / "kept", dict(kept))[name])
    assert (kept[name].kept, source.samefile(path)) == (how, how == "link")
    assert kept[name].ctime == path.stat().st_ctime_ns, "as it is after that link"
    assert source.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert not Path(twin(str(source))).exists(), "it has no other names"
    assert [key for key in kept if kept[key].kept] == [name]


def test_other_names_of_a_copied_file_are_kept_by_a_link_beside_it(tmp_path: Path) -> None:
    path = made(tmp_path / "env" / "a.py")
    os.link(path, tmp_path / "store")
    scope = Scope(str(tmp_path / "env"), policy="copy")
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    source = place(tmp_path / "kept", dict(kept))["a.py"]
    assert not path.samefile(source) and path.samefile(twin(source))
    assert kept["a.py"].ctime == path.stat().st_ctime_ns, "as it is after that link"


def test_links_are_kept_for_their_other_names_alone(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "one").symlink_to("x")
    (tmp_path / "env" / "two").symlink_to("x")
    os.link(tmp_path / "env" / "two", tmp_path / "store", follow_symlinks=False)
    scope = Scope(str(tmp_path / "env"))
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    assert (kept["one"].kept, kept["two"].kept) == ("", "link")


@pytest.mark.parametrize("policy", ["link", "copy"])
def test_a_pipe_is_kept_by_a_link_or_not_at_all(
    policy: listing.Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").mkdir()
    os.mkfifo(tmp_path / "env" / "pipe")
    scope = Scope(str(tmp_path / "env"), policy)
    assert keep(scope, listing.take(scope), tmp_path / "kept")["pipe"].kept == "link"
    monkeypatch.setattr(keeping, "_linked", lambda *_: False)
    with pytest.raises(Refused, match="neither a file nor a link"):
        keep(scope, listing.take(scope), tmp_path / "again")


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_no_link_is_possible_bytes_are_copied(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "env" / "a.py", 5)
    (tmp_path / "env" / "link").symlink_to("x")
    os.link(tmp_path / "env" / "link", tmp_path / "store", follow_symlinks=False)

    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(keeping.os, "link", link)
    scope = Scope(str(tmp_path / "env"))
    kept = keep(scope, listing.take(scope), tmp_path / "kept")
    assert (kept["a.py"].kept, kept["link"].kept) == ("copy", "")
    assert Path(place(tmp_path / "kept", dict(kept))["a.py"]).stat().st_size == 5


def test_any_other_error_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "env" / "a.py")

    def link(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keeping.os, "link", link)
    scope = Scope(str(tmp_path / "env"))
    with pytest.raises(OSError, match="No space left"):
        keep(scope, listing.take(scope), tmp_path / "kept")
