"""`gpufix undo` on real environments: what it lists, previews, asks consent for, puts aside, gives up."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from undo_scene import Scene

from gpufix.engine.journal import runs
from gpufix.engine.journal.journal import line, parse
from gpufix.text.clean import clean

WIDE = 80


def own(scene: Scene) -> list[str]:
    return ["--python", str(scene.a.path)]


def written(scene: Scene) -> Path:
    (path,) = scene.a.site.glob("mended*.py")
    return path


def assert_narrow(text: str) -> None:
    """Only what is to be copied, a path or a command, is longer than a terminal is wide."""
    assert [row for row in text.splitlines() if len(row) > WIDE and "/" not in row] == []


def test_a_preview_changes_nothing(scene: Scene) -> None:
    name = scene.run(scene.a)
    before = scene.trees()
    told = scene.gpufix("undo", "--dry-run", *own(scene), COLUMNS=str(WIDE))
    assert (told.returncode, told.stderr) == (0, "")
    assert f"kept {name}: repair it" in told.stdout
    assert f"  would be taken away (1):\n    {written(scene)}\n" in told.stdout
    assert_narrow(told.stdout)
    row = scene.undo("--dry-run", name)
    assert (row["taken_away"], row["restored"], row["changed_since"]) == (
        [str(written(scene))],
        [],
        [],
    )
    assert scene.trees() == before
    assert scene.undo(name)["state"] == "undone"
    assert "nothing would change" in scene.gpufix("undo", "--dry-run", name).stdout


def test_what_was_changed_since_is_refused_then_put_aside_and_brought_back(scene: Scene) -> None:
    name = scene.run(scene.a)
    path = written(scene)
    path.write_text("mine\n")
    path.chmod(0o640)
    row = scene.undo("--dry-run", name)
    assert row["changed_since"] == [str(path)]
    refused = scene.gpufix("undo", *own(scene), COLUMNS=str(WIDE))
    assert refused.returncode == 1
    assert f"incomplete {name}" in refused.stdout
    assert f"  {path}\n" in refused.stdout
    assert "with --force it is put aside" in refused.stdout
    assert path.read_text() == "mine\n"
    forced = scene.gpufix("undo", "--force", *own(scene), COLUMNS=str(WIDE))
    assert forced.returncode == 0
    assert f"undone {name}" in forced.stdout
    assert "  put aside, for it may be somebody else's (1):\n" in forced.stdout
    assert_narrow(forced.stdout)
    assert not path.exists()
    (command,) = [row[4:] for row in forced.stdout.splitlines() if row.startswith("  $ ")]
    assert command.startswith("cp -aT ")
    subprocess.run(["sh", "-c", command], check=True)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("mine\n", 0o640)


def test_the_list_tells_what_lies_aside_until_it_is_given_up(scene: Scene) -> None:
    name = scene.run(scene.a, "repair it; and more")
    written(scene).write_text("mine\n")
    forced = scene.undo("--force", name)
    (path,) = forced["aside"]["paths"]
    assert len(forced["aside"]["commands"]) == 1
    told = scene.gpufix("undo", "--list", *own(scene), COLUMNS=str(WIDE)).stdout.splitlines()
    assert told[0].startswith(f"* {name}  undone ")
    assert told[0].endswith("1 aside")
    assert told[1] == f"    {scene.a.path}, project {scene.project}: repair it; and more"
    (row,) = json.loads(scene.gpufix("undo", "--list", "--format", "json").stdout)
    assert (row["aside"], row["state"], row["id"]) == (1, "undone", name)
    held = scene.state / "runs" / name / "aside"
    assert (held / "1" / path.lstrip("/")).read_text() == "mine\n"
    assert scene.undo("--forget", name)["state"] == "forgotten"
    assert not held.exists()


@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_that_cannot_be_undone_is_given_up_by_force_alone(
    damaged: bool, scene: Scene
) -> None:
    """An interrupted one, and one whose journal cannot be read: the next `fix --apply` is possible."""
    name = scene.run(scene.a, cut_off=True)
    path = written(scene)
    if damaged:
        (scene.state / "runs" / name / "journal").write_bytes(b"garbage\nof two lines\n")
        unread = scene.gpufix("undo", name)
        assert unread.returncode == 2
        assert f"gpufix undo --forget --force {name}" in unread.stderr
    refused = scene.gpufix("undo", "--forget", name)
    assert refused.returncode == 2
    assert f"`gpufix undo --forget --force {name}`" in refused.stderr
    given_up = scene.undo("--forget", "--force", name)
    assert (given_up["state"], given_up["exit"]) == ("forgotten", 0)
    assert path.exists(), "it stays as it is"
    assert runs.interrupted(scene.state, str(scene.a.path)) is None
    assert runs.marked(str(scene.a.path), str(scene.project)) is None
    assert scene.undo(*own(scene))["state"] == "nothing"


def test_a_run_of_a_newer_gpufix(scene: Scene) -> None:
    name = scene.run(scene.a)
    journal = scene.state / "runs" / name / "journal"
    rows, _ = parse(journal.read_bytes())
    rows[0] |= {"format": 99, "version": "99.0"}
    rows[1]["new"] = {"kind": "of row"}
    journal.write_bytes(b"".join(line(row) for row in rows))
    before = scene.trees()
    for arguments in ([name], own(scene), ["--force", name], ["--dry-run", name]):
        refused = scene.gpufix("undo", *arguments)
        assert refused.returncode == 2
        assert "made by a newer gpufix (99.0): undo it with that" in refused.stderr
    assert name in scene.gpufix("undo", "--list").stdout
    assert scene.trees() == before


def test_an_interrupted_run_of_another_state_directory(scene: Scene, tmp_path: Path) -> None:
    name = scene.run(scene.a, cut_off=True)
    told = scene.gpufix("undo", *own(scene), XDG_STATE_HOME=str(tmp_path / "other"))
    assert told.returncode == 2
    assert f"run {name} was cut off in {scene.a.path}" in told.stderr
    assert str(scene.state / "runs" / name) in told.stderr
    assert scene.undo(*own(scene))["state"] == "undone"
    again = scene.undo(*own(scene), XDG_STATE_HOME=str(tmp_path / "other"))
    assert (again["state"], again["exit"]) == ("nothing", 0)


def test_an_interrupted_run_comes_back_whatever_its_undo_was_asked(scene: Scene) -> None:
    before = scene.trees()
    name = scene.run(scene.a, cut_off=True)
    row = scene.undo("--dry-run", *own(scene))
    assert (row["state"], row["taken_away"]) == ("interrupted", [str(written(scene))])
    assert scene.undo(*own(scene))["id"] == name
    assert scene.trees() == before


@pytest.mark.parametrize("command", ["doctor", "fix"])
def test_who_looks_is_told_of_a_run_that_was_cut_off(command: str, scene: Scene) -> None:
    def said(*of: str, **env: str) -> list[str]:
        told = scene.gpufix(command, "--format", "json", *of, **env).stderr
        return [line for line in told.splitlines() if "cut off" in line]

    scene.run(scene.a)
    assert said(*own(scene)) == []
    name = scene.run(scene.a, cut_off=True)
    told = f"gpufix: run {name} was cut off: `gpufix undo {name}` restores what it had begun"
    assert said(*own(scene)) == [told]
    assert said("--python", str(scene.b.path)) == []
    (elsewhere,) = said(*own(scene), XDG_STATE_HOME=str(scene.folder / "another"))
    assert f"run {name} was cut off here, and is kept in {scene.state}" in elsewhere
    scene.undo(name)
    assert said(*own(scene)) == []


ODD = [b"a\nb.py", b"a\x1b[31mb.py", b"caf\xe9.py", "a\u2028\u202eb'.py".encode()]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_no_terminal_shows_is_brought_back_by_the_command(
    name: bytes, scene: Scene
) -> None:
    path = scene.a.site / os.fsdecode(name)
    run = scene.run(scene.a, file=path)
    path.write_text("mine\n")
    for told in (scene.gpufix("undo", "--dry-run", run), scene.gpufix("undo", run)):
        assert told.returncode in (0, 1)
        assert "mended" in told.stdout or clean(path.name) in told.stdout
    done = scene.gpufix("undo", "--force", run)
    assert (done.returncode, path.exists()) == (0, False)
    command = done.stdout.split("  $ ")[1].splitlines()[0]
    assert command.isprintable()
    subprocess.run(["bash", "-c", command], check=True)
    assert path.read_text() == "mine\n"
    scene.gpufix("undo", "--list")
    assert scene.undo("--forget", run)["state"] == "forgotten"


@pytest.mark.parametrize("arguments", [["--list"], ["--dry-run"], [], ["20260101-000000-aaaa"]])
def test_a_state_directory_that_cannot_be_read(arguments: list[str], scene: Scene) -> None:
    """root may read any: it is a loop of links."""
    runs_folder = scene.state / "runs"
    runs_folder.parent.mkdir(parents=True)
    runs_folder.symlink_to("runs")
    done = scene.gpufix("undo", *arguments)
    told = f"gpufix: {runs_folder}: Too many levels of symbolic links\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_a_file_among_the_runs_is_none(scene: Scene) -> None:
    name = scene.run(scene.a)
    (scene.state / "runs/notes.txt").touch()
    os.mkfifo(scene.state / "runs/pipe")
    assert "notes" not in scene.gpufix("undo", "--list").stdout
    assert scene.undo(*own(scene))["id"] == name
