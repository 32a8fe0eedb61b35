"""What somebody does between the listing of a scope and its keeping: what is kept is what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gpufix.engine.journal.aside import Aside
from gpufix.engine.journal.keep import keep, place
from gpufix.engine.journal.listing import Policy, Scope, take
from gpufix.engine.journal.restore import Restorer

OLD = 1_600_000_000_000_000_000  # ns
NAMES = ("a.py", "b.py", "c.py")
POLICIES: list[Policy] = ["link", "copy"]


def scope(top: Path, policy: Policy) -> Scope:
    """An environment of three files."""
    env = top / "env"
    env.mkdir()
    for name in NAMES:
        (env / name).write_text(name)
        (env / name).chmod(0o640)
        os.utime(env / name, ns=(OLD, OLD))
    return Scope(str(env), policy)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("gone", [None, *NAMES])
def test_what_is_gone_by_then_is_left_out_and_the_rest_is_kept(
    policy: Policy, gone: str | None, tmp_path: Path
) -> None:
    whole = scope(tmp_path, policy)
    listed = take(whole)
    if gone:
        (tmp_path / "env" / gone).unlink()
    kept = keep(whole, listed, tmp_path / "kept")
    sources = place(tmp_path / "kept", dict(kept))
    assert {name: Path(source).read_text() for name, source in sources.items()} == {
        name: name for name in NAMES if name != gone
    }
    assert gone not in kept


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("written", [b"", b"a.py", b"A.PY", b"longer by now"])
def test_what_was_written_by_then_comes_back_as_it_was_when_it_was_kept(
    policy: Policy, written: bytes, tmp_path: Path
) -> None:
    whole = scope(tmp_path, policy)
    path = tmp_path / "env" / "a.py"
    listed = take(whole)
    path.write_bytes(written)
    kept = dict(keep(whole, listed, tmp_path / "kept"))
    path.unlink()  # the step
    restorer = Restorer(whole, kept, place(tmp_path / "kept", kept), Aside(tmp_path / "aside"))
    restorer.restore(["a.py"])
    assert (restorer.problems, restorer.lost) == ([], {})
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (written, 0o640)
