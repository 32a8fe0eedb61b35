"""What root's programs leave in somebody else's environment becomes theirs, and no more than that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpufix.engine.journal import owner
from gpufix.engine.journal.listing import ListedEntry, Scope

ROOT, THEIRS, OTHERS = "0:0", "1000:100", "2000:200"
FILE = ListedEntry("file", 0o644, 5, 100, 200, 7, 1, None, "", owner=ROOT)
FOLDER = FILE._replace(kind="dir", links=3)
LINK = FILE._replace(kind="link", target="there")
PROGRAM = FILE._replace(mode=0o4755)


class Calls:
    """What is given to whom, on a disk where every folder is `above`'s."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, above: str | None, user: int = 0) -> None:
        self.given: dict[str, str] = {}
        self.modes: dict[str, int] = {}
        folder = None if above is None else FOLDER._replace(owner=above)
        monkeypatch.setattr(os, "geteuid", lambda: user)
        monkeypatch.setattr(os, "chown", self._chown)
        monkeypatch.setattr(os, "chmod", self.modes.__setitem__)
        monkeypatch.setattr(owner, "look", lambda path: folder)

    def _chown(self, path: str, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        self.given[path] = f"{uid}:{gid}"


@pytest.mark.parametrize(
    ("before", "after", "above", "given"),
    [
        (None, FILE, ROOT, None),  # root's own environment
        (None, FILE, None, None),
        (FILE, FILE, THEIRS, None),  # it was root's before
        (None, FILE._replace(owner=OTHERS), THEIRS, None),  # it is not root that has made it
        (None, FILE._replace(links=2), THEIRS, None),  # it may be root's elsewhere
        (None, LINK._replace(links=2), THEIRS, None),
        # and what is given
        (None, FILE, THEIRS, THEIRS),
        (None, FOLDER, THEIRS, THEIRS),
        (None, LINK, THEIRS, THEIRS),
        (FILE._replace(owner=OTHERS), FILE, THEIRS, OTHERS),
        (FILE._replace(owner=OTHERS), FILE, ROOT, OTHERS),
    ],
)
def test_to_whom_an_entry_goes(
    before: ListedEntry | None,
    after: ListedEntry,
    above: str | None,
    given: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = Calls(monkeypatch, above)
    states = {} if before is None else {"bin/tool": before}
    owner.hand_over(Scope("/env"), states, {"bin/tool": after})
    assert calls.given == ({} if given is None else {"/env/bin/tool": given})


def test_who_is_not_root_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch, THEIRS, user=1000)
    owner.hand_over(Scope("/env"), {}, {"a": FILE})
    assert calls.given == {}


def test_a_program_that_runs_as_its_owner_still_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch, THEIRS)
    owner.hand_over(Scope("/env"), {}, {"su": PROGRAM, "link": LINK, "lib": FOLDER})
    assert calls.modes == {"/env/su": 0o4755}


@pytest.mark.parametrize(
    ("user", "theirs", "copies"), [(0, 0, False), (1000, 1000, False), (1000, 0, False), (0, 1000, True)]
)  # fmt: skip
def test_links_into_roots_cache_are_not_handed_over(
    user: int, theirs: int, copies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = os.stat_result((0o40755, 1, 1, 1, theirs, 100, 0, 0, 0, 0))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(owner.os, "stat", lambda path: status)
    found = owner.variables(str(tmp_path))
    monkeypatch.undo()
    assert found == ({"UV_LINK_MODE": "copy"} if copies else {})
