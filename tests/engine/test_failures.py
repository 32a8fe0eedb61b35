"""Clean failures: a full disk, a read-only folder, an installer that fails. All is put back."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import faults
import pytest
import trees
from steps_for import STEPS, Built, builder, carry_out, sha, use_builder, use_local_programs
from trees import Patient

import needs
from gpufix.engine.journal import lock, runs, undo_run
from gpufix.engine.run import apply
from gpufix.engine.run.apply import FailureIsolation
from gpufix.engine.run_context import Refused, RunContext, StepFailed
from gpufix.model import Build, Install, Remove, SetVariables, Step, WriteFile


def fails(patient: Patient, steps: Sequence[Step], message: str = "restored") -> None:
    """The steps fail, nothing is different, and nothing is left to undo."""
    before = trees.state(patient)
    with pytest.raises((StepFailed, Refused), match=message):
        carry_out(patient, steps)
    assert trees.differences(before, trees.state(patient)) == {}
    assert all(run.state in ("undone", "empty") for run in runs.every(patient.state))
    assert not list(patient.state.glob("runs/*/kept"))


def big(patient: Patient) -> list[Step]:
    """Much is removed, then a file is written that does not fit."""
    content = "x" * (1 << 20)
    return [
        *STEPS["remove"](patient),
        WriteFile(path=str(patient.project / "big"), content=content),
    ]


def _limited(patient: Patient, most: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    fails(patient, big(patient), "File too large; everything was restored")


def test_a_file_that_does_not_fit(patient: Patient) -> None:
    assert faults.run(partial(_limited, patient, 1 << 19), journal_only=True) is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB; only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    needs.require("mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    patient = trees.make(small_disk / "root", files=12)
    fails(
        patient,
        big(patient),
        r"No space left on device \(what is kept for undo lies in .*\); everything was restored",
    )


def test_a_full_disk_in_the_middle_of_an_installation(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = trees.make(small_disk / "root", files=12)
    use_local_programs(monkeypatch, patient, files=400)
    fails(
        patient,
        STEPS["upgrade"](patient),
        r"No space left on device \(what is kept for undo lies in .*\); everything was restored",
    )


@pytest.mark.parametrize("kind", ["build", "upgrade", "several"])
def test_a_disk_that_is_full_when_a_run_is_undone(
    kind: str, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever undo then does: when there is room, the tree is whole, and what others wrote is there."""
    patient = trees.make(small_disk / "root", files=12)
    use_local_programs(monkeypatch, patient, files=12)
    before = trees.state(patient)
    folder = carry_out(patient, STEPS[kind](patient))
    (patient.project / "setup.py").write_text("mine\n")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    with suppress(OSError):
        undo_run.undo(runs.load(folder), force=True)
    filler.unlink()
    assert undo_run.undo(runs.load(folder), force=True).problems == ()
    held = [path.read_text() for path in folder.rglob("setup.py")]
    now = trees.state(patient)
    name = str((patient.project / "setup.py").relative_to(patient.root))
    assert "mine\n" in held or now[name][-1] == b"mine\n"
    assert set(trees.differences(before, now)) <= ({name} if "mine\n" not in held else set())


def test_a_full_state_directory(small_disk: Path, tmp_path: Path) -> None:
    """Patient and state on different file systems: what is kept must be copied, and does not fit."""
    patient = trees.make(tmp_path / "root", files=12)
    (patient.cache / "my_ext/large.o").write_bytes(b"x" * (1 << 20))
    patient.state.symlink_to(small_disk)
    fails(patient, [Remove(path=str(patient.cache / "my_ext"))], "No space left")


def test_another_file_system_keeps_copies_and_links_beside_the_patient(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpufix.engine.journal import undo_run

    patient = trees.make(tmp_path / "root", files=12)
    patient.state.symlink_to(small_disk)
    use_local_programs(monkeypatch, patient, files=12)
    before = trees.state(patient)
    folder = carry_out(patient, STEPS["several"](patient))
    assert list(patient.prefix.glob(".gpufix-kept-*"))
    assert undo_run.undo(runs.load(folder)).problems == ()
    after = trees.state(patient)
    assert trees.differences(trees.but_links(before), trees.but_links(after)) == {}
    # What is removed outside the environment is kept by copies: a name elsewhere is another file.
    differing = {Path(path).name for path in trees.differences(before, after)}
    assert differing == {"x.o", "z.o", "alias.o"}


def _unprivileged(patient: Patient, step: Step) -> None:
    os.setgid(65534)
    os.setuid(65534)
    before = trees.state(patient)
    with pytest.raises(Refused, match=r"not writable|Permission denied"):
        carry_out(patient, [step])
    assert trees.differences(before, trees.state(patient)) == {}


@pytest.mark.needs("root", "/dev/shm")  # becomes somebody else, who may enter that folder
@pytest.mark.parametrize("kind", ["write", "remove", "install"])
def test_a_folder_that_may_not_be_written(kind: str, memory_path: Path) -> None:
    patient = trees.make(memory_path / "root", files=12)
    memory_path.chmod(0o755)
    (patient.project / "setup.py").chmod(0o644)
    steps: dict[str, Step] = {
        "write": WriteFile(path=str(patient.project / "new"), content="x"),
        "remove": Remove(path=str(patient.cache / "my_ext")),
        "install": Install(install=["pkg==1.0"], reinstall=True),
    }
    patient.state.mkdir()
    patient.state.chmod(0o777)
    assert faults.run(partial(_unprivileged, patient, steps[kind]), journal_only=True) is not None


def test_the_second_step_fails_and_the_first_is_put_back(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        (patient.site / "half").mkdir()
        (patient.site / "pkg/part1/mod1.py").unlink()
        raise StepFailed("pip exits with 1: no such version")

    use_local_programs(monkeypatch, patient, files=12)
    monkeypatch.setattr("gpufix.engine.child.run", fail)
    fails(patient, [*STEPS["remove"](patient), *STEPS["reinstall"](patient)], "no such version")


def test_preconditions_of_the_last_step_stop_the_first(patient: Patient) -> None:
    setup = patient.project / "setup.py"
    wrong = WriteFile(path=str(setup), content="x", expect="0" * 64)
    fails(patient, [SetVariables(variables={"A": "1"}), wrong], "has changed since")
    assert sha(setup) == sha(setup)
    assert runs.every(patient.state) == []


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A folder whose files lie in the lower layer of an overlay, and how that is mounted."""
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    trees.make(lower / "root", files=12)
    upper.mkdir()
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    tmpfs = ["mount", "-t", "tmpfs", "tmpfs", str(upper)]
    layers = f"lowerdir={lower},upperdir={upper}/up,workdir={upper}/work"
    needs.require("overlay")
    subprocess.run(tmpfs, check=True, capture_output=True)
    try:
        (upper / "up").mkdir()
        (upper / "work").mkdir()
        command = ["mount", "-t", "overlay", "overlay", "-o", layers, str(mounted)]
        subprocess.run(command, check=True, capture_output=True)
        yield mounted, command
        subprocess.run(["umount", str(mounted)], check=True)
    finally:
        subprocess.run(["umount", str(upper)], check=True)


@pytest.mark.parametrize("again", [False, True], ids=["at once", "mounted again"])
def test_a_container_image(
    again: bool, overlay: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inode numbers change when a file is copied up, and when the layers are mounted again."""
    from gpufix.engine.journal import undo_run

    mounted, mount = overlay
    patient = Patient(mounted / "root")
    use_local_programs(monkeypatch, patient, files=12)
    before = {k: v for k, v in trees.state(patient).items() if not k.startswith("store")}
    steps = [*STEPS["reinstall"](patient), *STEPS["remove"](patient)]
    folder = carry_out(patient, steps)
    if again:
        subprocess.run(["umount", str(mounted)], check=True)
        subprocess.run(mount, check=True)
    assert undo_run.undo(runs.load(folder)).problems == ()
    after = {k: v for k, v in trees.state(patient).items() if k in before}
    # Copying up splits hard links of the lower layer: content, modes and times are the same.
    assert trees.differences(trees.but_links(before), trees.but_links(after)) == {}


def failing(patient: Patient, broken: str) -> Callable[..., Built]:
    """A builder that writes as it does, and fails for one folder."""
    builds = builder(patient)

    def run(step: Build, context: RunContext) -> Built:
        built = builds(step, context)
        if Path(step.path).name == broken:
            built.ok = False
            built.reason = "no such kernel"
        return built

    return run


@pytest.mark.parametrize("broken", ["a", "b"])
def test_a_build_that_fails_takes_back_itself_alone(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    whole, other = "ab".replace(broken, ""), patient.project / broken
    for name in "ab":
        (patient.project / name).mkdir()
        (patient.project / name / "setup.py").write_text("x")
    use_builder(monkeypatch, failing(patient, broken))
    before = trees.state(patient)
    steps: list[Step] = [Build(path=str(patient.project / name)) for name in "ab"]
    isolation = FailureIsolation(steps)
    with lock.held(patient.state, [str(patient.prefix)], "a test") as fds:
        context = RunContext(patient.facts(), environ={}, lock_fds=fds)
        folder = apply.apply(steps, context, patient.state, "test", isolation)
        apply.finish(folder)
    assert [error.step for error in isolation.failures] == [steps["ab".index(broken)]]
    assert sorted(p.name for p in other.iterdir()) == ["setup.py"]
    assert (patient.project / whole / "x.so").exists()
    assert list(patient.site.glob("built-1.0.dist-info"))
    (patient.project / broken / "mine").write_text("written since")
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert (patient.project / broken / "mine").exists()
    (patient.project / broken / "mine").unlink()
    differing = trees.differences(before, trees.state(patient))
    assert [path for path in differing if not path.endswith(f"/{broken}")] == []
