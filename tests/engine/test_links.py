"""Files with several names, as uv's cache and `cp -al` leave them: each step, undone, keeps them so."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trees
from steps_for import STEPS, carry_out, use_local_programs
from trees import Patient

from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run_context import RunContext, StepFailed


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_a_copy_by_links_is_left_alone(
    kind: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_local_programs(monkeypatch, patient, files=12)
    (patient.state / "env").mkdir(parents=True)
    (patient.project / "keep.py").touch()
    copies = patient.root / "copies"
    copies.mkdir()
    for folder in (patient.prefix, patient.project, patient.cache):
        subprocess.run(["cp", "-al", str(folder), str(copies)], check=True)
    before = trees.state(patient)
    folder = carry_out(patient, STEPS[kind](patient))
    untouched = str((patient.project / "keep.py").relative_to(patient.root))
    assert trees.state(patient)[untouched] == before[untouched], "what is unchanged is let go"
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}


def test_undo_leaves_a_name_alone_that_was_written_to_since(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build replaced z.o; what its other name says by now is its owner's."""
    use_local_programs(monkeypatch, patient, files=12)
    folder = carry_out(patient, STEPS["build"](patient))
    elsewhere = patient.root / "store/z.o"
    elsewhere.write_bytes(b"written by its owner")
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert (patient.project / "build/a/z.o").read_bytes() == b"another object"
    assert elsewhere.read_bytes() == b"written by its owner"


@pytest.mark.parametrize("shared", ["pkg", "dependency"])
def test_an_installer_that_writes_through_a_link_is_put_back(
    shared: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People share big packages between environments: what is in the other one stays as it was."""
    other = patient.root / "other-env/lib"
    other.mkdir(parents=True)
    if shared == "pkg":
        shutil.move(patient.site / "pkg", other)
    else:
        (other / shared).mkdir()
        (other / shared / "theirs.py").write_text("theirs")
    (patient.site / shared).symlink_to(other / shared)
    before = trees.state(patient)
    use_local_programs(monkeypatch, patient, files=12)
    with pytest.raises(StepFailed, match=r"outside the environment.*everything was restored"):
        carry_out(patient, STEPS["upgrade"](patient))
    assert trees.differences(before, trees.state(patient)) == {}


def test_a_link_out_that_is_not_written_through_is_no_obstacle(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (patient.root / "data").mkdir()
    (patient.site / "data").symlink_to(patient.root / "data")
    before = trees.state(patient)
    use_local_programs(monkeypatch, patient, files=12)
    folder = carry_out(patient, STEPS["upgrade"](patient))
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}


@pytest.mark.parametrize("given", ["", "scratch", "no such folder"])
def test_programs_get_a_temporary_folder_of_their_own(
    given: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the user's TMPDIR where there is one; it is gone when the run is over."""
    (patient.root / "scratch").mkdir()
    above = patient.root / "scratch" if given == "scratch" else Path(tempfile.gettempdir())
    found: list[Path] = []

    def see(argv: object, context: RunContext, environ: Mapping[str, str], log: str) -> None:
        found.append(Path(environ["TMPDIR"]))
        (found[0] / "left").write_text("x")

    use_local_programs(monkeypatch, patient, files=12)
    monkeypatch.setattr("gpufix.engine.child.run", see)
    environ = {"TMPDIR": str(patient.root / given)} if given else {}
    carry_out(patient, STEPS["uninstall"](patient), environ)
    assert found[0].parent == above
    assert list(above.iterdir()) == []


def _killed_installer(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose installer left a file in its TMPDIR and was killed with it; that TMPDIR."""
    places: list[Path] = []

    def die(*arguments: Any, **_: Any) -> None:
        place = Path(arguments[2]["TMPDIR"])
        (place / "leftover").write_text("x")
        places.append(place)
        raise KeyboardInterrupt

    use_local_programs(monkeypatch, patient, files=12)
    monkeypatch.setattr("gpufix.engine.child.run", die)
    monkeypatch.setattr("gpufix.engine.journal.temporary.remove", lambda run: None)  # it was killed
    with pytest.raises(KeyboardInterrupt):
        carry_out(patient, STEPS["reinstall"](patient))
    monkeypatch.undo()
    return places[0]


@pytest.mark.parametrize("now", ["a folder", "a link", "nothing"])
def test_temporary_files_go_with_the_undo(
    now: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _killed_installer(patient, monkeypatch)
    mine = patient.root / "mine"
    mine.mkdir()
    (mine / "file").touch()
    if now != "a folder":
        shutil.rmtree(place)
    if now == "a link":
        place.symlink_to(mine)
    assert undo_run.undo(runs.find(patient.state, None)).problems == ()
    assert place.is_symlink() if now == "a link" else not place.exists()
    assert (mine / "file").exists()
    place.unlink(missing_ok=True)


@pytest.mark.needs("root")
def test_a_folder_that_somebody_else_made_since_is_left(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _killed_installer(patient, monkeypatch)
    os.chown(place, 65534, 65534)
    assert undo_run.undo(runs.find(patient.state, None)).problems == ()
    assert (place / "leftover").exists()
    shutil.rmtree(place)
