"""What was once lost, or left behind, while undo said that all was well: each by its name."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import faults
import pytest
import trees
from steps_for import STEPS, Built, builder, carry_out, installer, use_builder, use_local_programs
from test_kill_points import finish
from trees import Patient

from gpufix.cli import undo as command
from gpufix.engine import child
from gpufix.engine.journal import aside, lock, programs, runs, undo_run
from gpufix.engine.journal.journal import line, parse
from gpufix.engine.journal.undo_run import Changed
from gpufix.engine.run import repair
from gpufix.engine.run_context import Busy, CorruptJournal, EngineError, RunContext

NOBODY = 65534


def busy(patch: pytest.MonkeyPatch, path: Path) -> None:
    """Nothing takes this one path away."""
    whole = aside.Aside.take

    def take(self: aside.Aside, taken: str, lies: str | None = None) -> None:
        if taken == str(path):
            raise OSError(errno.EBUSY, "Device or resource busy")
        whole(self, taken, lies)

    patch.setattr(aside.Aside, "take", take)


# 1. Retried undo


def test_an_earlier_step_waits_for_the_later_one(here: Patient) -> None:
    before = trees.state(here)
    folder = carry_out(here, STEPS["several"](here))
    changed = trees.state(here)
    with pytest.MonkeyPatch.context() as patch:
        busy(patch, here.project / "build/a/y.o")
        undone = undo_run.undo(runs.load(folder))
        assert undone.problems == (f"{here.project}/build/a/y.o: Device or resource busy",)
    setup = str((here.project / "setup.py").relative_to(here.root))
    assert trees.state(here)[setup] == changed[setup], "the first step is as it was left"
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(here)) == {}


def test_what_is_changed_after_its_step_came_back_is_put_aside(here: Patient) -> None:
    """The undo that was cut off had done with the later step: no other one restores it again."""
    before = trees.state(here)
    folder = carry_out(here, STEPS["several"](here))
    edited = here.project / "build/a/x.o"
    with pytest.MonkeyPatch.context() as patch:
        busy(patch, here.project / "setup.py")
        assert undo_run.undo(runs.load(folder)).problems
    assert edited.read_bytes() == b"object"
    edited.with_name("swap").write_bytes(b"mine")
    edited.with_name("swap").rename(edited)
    late = edited.with_name("late.c")
    late.write_text("mine, too")
    undone = undo_run.undo(runs.load(folder))
    assert undone.problems == ()
    late.unlink()
    differing = trees.differences(before, trees.state(here))
    assert set(differing) <= {str(edited.parent.relative_to(here.root))}, "its time"


# 2 and 3: test_second_actor.py; what lies aside is brought back by what is printed


def test_what_lies_aside_is_brought_back_by_the_command(
    here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else is changed by it: not the modes of the folders on the way, above all."""
    here.project.chmod(0o751)
    mine = {
        here.project / "checkpoint.pt": b"weights",
        here.project / "setup.py": b"edited()\n",
        here.site / "theirs/__init__.py": b"",
    }
    building = builder(here)

    def run(*arguments: Any) -> Built:
        for path, data in mine.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o604)
        return building(*arguments)

    use_builder(monkeypatch, run)
    folder = carry_out(here, STEPS["build"](here))
    undone = undo_run.undo(runs.load(folder))
    assert {str(path) for path in mine} <= set(undone.aside)
    modes = {path: path.stat().st_mode for path in (here.root, *here.root.parents, here.project)}
    for source, target in undone.back:
        subprocess.run(["cp", "-aT", source, target], check=True)
    for path, data in mine.items():
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (data, 0o604)
    assert modes == {path: path.stat().st_mode for path in modes}


def test_what_was_put_aside_twice_comes_back_as_it_was_last(here: Patient) -> None:
    folder = carry_out(here, STEPS["several"](here))
    path = here.project / "new.h"
    for text in ("first", "last"):
        path.write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            busy(patch, here.project / "setup.py")
            undo_run.undo(runs.load(folder), force=True)
    undone = undo_run.undo(runs.load(folder), force=True)
    assert undone.problems == ()
    for source, target in undone.back:
        subprocess.run(["cp", "-aT", source, target], check=True)
    assert path.read_text() == "last"
    assert [
        Path(p).read_text() for p, _ in aside.held(folder / "aside") if p.endswith("new.h")
    ] == [
        "first",
        "last",
    ]


def test_what_another_pip_upgraded_meanwhile_is_not_the_runs_own(
    here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A RECORD and the installer's word prove a version, not a name."""

    def run(argv: Any, context: RunContext, environ: Any, log: str, **_: Any) -> None:
        installer(here, 12)(argv, context, environ, log)
        assert context.folder is not None
        (context.folder / "install.log").write_text(
            "Processing /wheels/pkg-3.0-py3-none-any.whl\nInstalling collected packages: pkg\n"
        )
        if theirs:
            trees.unpack(here.site, trees.wheel("pkg", "4.0", 5))

    for theirs in (False, True):
        monkeypatch.setattr(child, "run", run)
        folder = carry_out(here, STEPS["upgrade"](here))
        undone = undo_run.undo(runs.load(folder))
        of_pkg = [path for path in undone.aside if "/pkg" in path]
        assert any("pkg-4.0" in path for path in of_pkg) if theirs else of_pkg == []


def test_what_a_later_step_has_kept_is_no_needless_name(
    here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added while one step ran, kept by the next as it was there: that was cut off, and both come back."""

    def run(*arguments: Any, **named: Any) -> None:
        installer(here, 12)(*arguments, **named)
        (here.site / "theirs.py").write_text("theirs")

    def cut_off(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(child, "run", run)
    use_builder(monkeypatch, cut_off)
    with pytest.raises(KeyboardInterrupt):
        carry_out(here, [*STEPS["uninstall"](here), *STEPS["build"](here)])
    cut = runs.find(here.state, None)
    undone = undo_run.undo(cut)
    assert undone.problems == ()
    lying = {was: lies for lies, was in aside.held(cut.folder / "aside")}
    assert Path(lying[str(here.site / "theirs.py")]).read_text() == "theirs"


# 4. Orphans


@pytest.fixture
def orphan(here: Patient, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was killed with its pip, and what pip had started writes on in a session of its own."""
    late = here.project / "late.o"
    script = 'sleep "$0"; echo late > "$1"'

    def run(argv: Any, context: RunContext, environ: dict[str, str], *_: Any, **__: Any) -> None:
        subprocess.Popen(
            ["sh", "-c", script, os.environ["ORPHAN_S"], str(late)],
            env={**environ, "PATH": os.environ["PATH"]},
            start_new_session=True,
            pass_fds=context.lock_fds,
        )
        os.kill(os.getpid(), signal.SIGKILL)

    use_builder(monkeypatch, lambda step, context: run(None, context, context.environ))
    return late


def test_an_orphan_is_waited_for(
    here: Patient, orphan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORPHAN_S", "0.5")
    assert faults.run(partial(carry_out, here, STEPS["build"](here))) is None
    undone = command._undo(runs.find(here.state, None), force=False)
    assert (undone.problems, undone.aside) == ((), (str(orphan),))
    assert not orphan.exists()


def test_an_orphan_is_named_and_ended_by_force_alone(
    here: Patient, orphan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORPHAN_S", "600")
    monkeypatch.setattr(command, "_WAIT", 0.3)
    assert faults.run(partial(carry_out, here, STEPS["build"](here))) is None
    run = runs.find(here.state, None)
    with pytest.raises(Busy, match=r"still at work: (sh|sleep) \(process \d+\).*--force ends them"):
        command._undo(run, force=False)
    assert programs.living(run)
    assert command._undo(run, force=True).problems == ()
    assert programs.living(run) == []


# 7. In-place writes by build code


def writing_in_place(patient: Patient, path: Path) -> Callable[..., Built]:
    def run(*arguments: Any) -> Built:
        with path.open("r+") as file:
            file.write("written in place")
        return builder(patient)(*arguments)

    return run


@pytest.mark.parametrize("name", ["easy-install.pth", "distutils-precedence.pth"])
def test_paths_of_an_environment_that_a_build_wrote_in_place(
    name: str, here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here.site / name).write_text("import sys; sys.path\n")
    before = trees.state(here)
    use_builder(monkeypatch, writing_in_place(here, here.site / name))
    folder = carry_out(here, STEPS["build"](here))
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(here)) == {}


@pytest.mark.parametrize("name", ["pkg/part1/mod1.py", "pkg/data.json"])
def test_other_files_that_a_build_wrote_in_place_are_given_up_with_consent(
    name: str, here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = here.site / name
    path.write_text('{"a long": "content"}')
    use_builder(monkeypatch, writing_in_place(here, path))
    folder = carry_out(here, STEPS["build"](here))
    undone = undo_run.undo(runs.load(folder))
    assert any("written in place" in why and "--force" in why for why in undone.problems)
    undone = undo_run.undo(runs.load(folder), force=True)
    assert [why for why in undone.lost if str(path) in why]
    assert path.read_text().startswith("written in place"), "what somebody wrote stays"
    assert runs.load(folder).state == "undone"
    use_local_programs(monkeypatch, here, 12)
    carry_out(here, STEPS["build"](here))


def test_what_was_written_into_a_removed_file_comes_back_with_it(
    here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody had it open while the installer took its name away: the kept bytes are the only ones."""
    path = here.site / "pkg/part1/mod1.py"

    def run(*arguments: Any, **_: Any) -> None:
        with path.open("a") as file:
            installer(here, 12)(*arguments)
            file.write("mine")

    monkeypatch.setattr(child, "run", run)
    folder = carry_out(here, STEPS["uninstall"](here))
    assert undo_run.undo(runs.load(folder)).problems
    assert undo_run.undo(runs.load(folder), force=True).lost
    assert path.read_text().endswith("mine")


# 8. Two environments, one project


def as_nobody(action: Callable[[], str]) -> str:
    """What it returns, or the message of Busy, in a process of another user."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            said = action()
        except Busy as error:
            said = str(error)
        except BaseException as error:  # the parent's assertion shows it
            said = repr(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


@pytest.fixture
def shared(here: Patient) -> tuple[RunContext, Path]:
    """Another user's context: an environment and a state directory of their own, the same project."""
    other = here.root / "other"
    (other / "env").mkdir(parents=True)
    for path in (other, other / "env"):
        os.chown(path, NOBODY, NOBODY)
    for path in here.root.parents:
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    facts = here.facts()
    assert facts.python is not None
    facts = replace(facts, python=replace(facts.python, prefix=str(other / "env")))
    return RunContext(facts, environ={}), other / "state"


@pytest.mark.needs("root")
def test_another_user_does_not_miss_the_lock_of_the_project(
    here: Patient, shared: tuple[RunContext, Path]
) -> None:
    context, state = shared

    def take() -> str:
        folders = lock.folders(repair.prefix(context), context.project)
        with lock.held(state, folders, "gpufix fix"):
            return "taken"

    with lock.held(here.state, lock.folders(str(here.prefix), str(here.project)), "gpufix fix"):
        assert f"{here.project} is being changed by another run" in as_nobody(take)
    assert as_nobody(take) == "taken"


@pytest.mark.needs("root")
@pytest.mark.parametrize("reader", [as_nobody, lambda action: action()], ids=["nobody", "root"])
def test_another_state_directory_does_not_miss_an_interrupted_run(
    reader: Callable[..., str], here: Patient, shared: tuple[RunContext, Path]
) -> None:
    context, state = shared

    def ask() -> str:
        try:
            repair._no_interrupted(state, context)
        except Busy as error:
            return str(error)
        return "free"

    action = partial(carry_out, here, STEPS["build"](here))
    total = faults.run(action)
    assert total is not None
    finish(here)
    assert reader(ask) == "free"
    assert faults.run(partial(carry_out, here, STEPS["build"](here)), fatal=total // 2) is None
    name = runs.every(here.state)[-1].id
    assert f"run {name} was cut off here, and is kept in {here.state}/runs/{name}" in reader(ask)
    finish(here)
    assert reader(ask) == "free"


def test_a_copy_of_an_environment_is_not_marked(here: Patient) -> None:
    total = faults.run(partial(carry_out, here, STEPS["reinstall"](here)))
    assert total is not None
    finish(here)
    faults.run(partial(carry_out, here, STEPS["reinstall"](here)), fatal=total // 2)
    subprocess.run(["cp", "-a", str(here.prefix), str(here.root / "copy")], check=True)
    assert runs.marked(str(here.prefix)) is not None
    assert runs.marked(str(here.root / "copy")) is None


# 9. Not kept


def test_a_folder_that_merely_holds_a_pyvenv_cfg(
    here: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = here.project / "templates"
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("home = {home}\n")
    (folder / "data.txt").write_text("mine\n")
    before = trees.state(here)
    use_builder(monkeypatch, writing_in_place(here, folder / "data.txt"))
    run = carry_out(here, STEPS["build"](here))
    assert undo_run.undo(runs.load(run)).problems == ()
    assert trees.differences(before, trees.state(here)) == {}


# A list of two users' rights: u::rw- u:65534:r-- g::r-- m::r-- o::--- (linux/posix_acl_xattr.h)
ACL = bytes.fromhex(
    "02000000 01000600ffffffff 02000400feff0000 04000400ffffffff 10000400ffffffff 20000000ffffffff"
)


def looks(patient: Patient) -> dict[str, Any]:
    """Owner, mode, time, attributes."""
    found = {}
    for path in sorted(patient.root.rglob("*")):
        if not path.is_relative_to(patient.state):
            status = path.lstat()
            names = os.listxattr(path, follow_symlinks=False)
            held = {n: os.getxattr(path, n, follow_symlinks=False) for n in names}
            found[str(path)] = (
                status.st_uid,
                status.st_gid,
                status.st_mode,
                status.st_mtime_ns,
                held,
            )
    return found


@pytest.mark.needs("root")
@pytest.mark.parametrize("kind", ["upgrade", "uninstall", "build", "several", "write-installed"])
def test_owners_attributes_and_times_come_back(kind: str, here: Patient) -> None:
    for path in (here.site, here.site / "pkg", here.site / "pkg/part1/mod1.py", here.project):
        os.setxattr(path, "user.note", b"mine")
    for path in (here.site / "pkg/part1/mod1.py", here.project / "setup.py"):
        os.setxattr(path, "system.posix_acl_access", ACL)
    for path in [here.prefix, *here.prefix.rglob("*"), here.project / "build/a/x.o"]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    before = looks(here)
    folder = carry_out(here, STEPS[kind](here))
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, looks(here)) == {}


@pytest.mark.needs("root")
@pytest.mark.parametrize("kind", ["upgrade", "build", "several", "fallback", "write-project"])
def test_root_leaves_nothing_of_roots_in_anothers_environment(kind: str, here: Patient) -> None:
    for top in (here.prefix, here.project):
        for path in [top, *top.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    (here.prefix / "bin/tool").unlink()
    (here.prefix / "bin/roots").write_text("root's own\n")
    folder = carry_out(here, STEPS[kind](here))
    own = {
        str(path.relative_to(here.root))
        for top in (here.prefix, here.project)
        for path in top.rglob("*")
        if path.lstat().st_uid == 0
    }
    assert own == {"env/bin/roots"}
    assert undo_run.undo(runs.load(folder)).problems == ()


# 10. Which run


def _written_anew(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    rows, _ = parse((folder / "journal").read_bytes())
    for row in rows:
        change(row)
    (folder / "journal").write_bytes(b"".join(line(row) for row in rows))


def _as_older(folder: Path, row: dict[str, Any]) -> None:
    """As gpufix 0.4 wrote it: no owners, no process, no format, scopes without what came later."""
    import hashlib
    import json

    for name in ("format", "process"):
        row.pop(name, None)
    for part in row.get("scopes", []):
        for name in ("follow", "through"):
            part.get("scope", {}).pop(name, None)
        path = folder / part["listing"]
        rows = json.loads(path.read_text()).items()
        data = "".join(json.dumps([k, e and e[:10]]) + "\n" for k, e in rows).encode()
        path.write_bytes(data)
        part["sha256"] = hashlib.sha256(data).hexdigest()


def test_a_run_of_an_older_gpufix(here: Patient) -> None:
    before = trees.state(here)
    folder = carry_out(here, STEPS["several"](here))
    _written_anew(folder, partial(_as_older, folder))
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(here)) == {}


def test_a_run_of_a_newer_gpufix_is_left_to_that(here: Patient) -> None:
    folder = carry_out(here, STEPS["several"](here))

    def newer(row: dict[str, Any]) -> None:
        if row["type"] == "begin":
            row |= {"format": 9, "version": "9.1"}
        for part in row.get("scopes", []):
            part.get("scope", {})["colour"] = "blue"

    _written_anew(folder, newer)
    changed = trees.state(here)
    for act in (undo_run.undo, undo_run.preview):
        with pytest.raises(
            CorruptJournal, match=r"made by a newer gpufix \(9.1\): undo it with that"
        ):
            act(runs.load(folder))
    assert trees.state(here) == changed
    assert runs.load(folder).state == "kept"


def test_a_journal_that_makes_no_sense_is_damaged(here: Patient) -> None:
    folder = carry_out(here, STEPS["several"](here))
    _written_anew(folder, lambda row: row.pop("scopes", None))
    with pytest.raises(CorruptJournal, match="makes no sense"):
        undo_run.undo(runs.load(folder))
    assert runs.load(folder).row("undoing") is None


def _saved(patient: Patient, mark: str) -> None:
    """An editor saves a file that the step rewrites."""
    swap = patient.project / "swap"
    swap.write_text(mark)
    swap.rename(patient.project / "setup.py")


def _added(patient: Patient, mark: str) -> None:
    """Somebody puts a file into a folder that the step removes."""
    (patient.project / "build/a").mkdir(parents=True, exist_ok=True)
    (patient.project / "build/a/notes.txt").write_text(mark)


def _logged(patient: Patient, mark: str) -> None:
    """A log grows, maybe between its being listed and its being copied."""
    with (patient.project / "train.log").open("a") as file:
        file.write(mark)


@pytest.mark.parametrize("most", [12, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("kind", "write"), [("write-project", _saved), ("remove", _added), ("build", _logged)]
)
def test_somebody_writes_at_any_instant_of_a_step(
    kind: str,
    write: Callable[[Patient, str], None],
    most: int,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The step fails where somebody was quicker, and theirs stays; nothing of that is lost for good."""
    use_local_programs(monkeypatch, patient, 12)
    _logged(patient, "began")
    copy = patient.root.with_name("project")
    subprocess.run(["cp", "-a", str(patient.project), str(copy)], check=True)
    steps = STEPS[kind](patient)
    total = faults.run(partial(carry_out, patient, steps))
    assert total is not None
    finish(patient)
    for point in faults.spread(total, most):
        shutil.rmtree(patient.project)
        subprocess.run(["cp", "-a", str(copy), str(patient.project)], check=True)
        mark = f"written at {point};"
        acts = {point: partial(write, patient, mark)}
        passed = faults.run(partial(_quiet, partial(carry_out, patient, steps)), acts=acts)
        for run in runs.undoable(patient.state):
            with suppress(Changed):
                assert undo_run.undo(run).problems == (), point
        finish(patient)
        found = [
            p for p in patient.root.rglob("*") if p.is_file() and mark.encode() in p.read_bytes()
        ]
        assert found or (passed or 0) < point, point


def _quiet(action: Callable[[], object]) -> None:
    with suppress(EngineError):
        action()
