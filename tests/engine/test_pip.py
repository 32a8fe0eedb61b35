"""Runs through a real pip, with local wheels: killed with it, or outlived by it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import faults
import pip
import pytest
import trees
from steps_for import carry_out
from trees import Patient

from gpufix.engine import installer
from gpufix.engine.journal import lock, runs, undo_run
from gpufix.engine.run_context import Busy, NothingToUndo
from gpufix.engine.steps import install
from gpufix.model import Facts, Install, Step

SCRIPT = Path(__file__).with_name("fatal_pip.py")
STEPS: list[Step] = [
    Install(uninstall=["other"]),
    Install(install=["pkg==1.0"], reinstall=True),
    Install(install=["new==1.0"]),
]


class Real(Patient):
    """A patient whose prefix is a real venv."""

    @property
    def site(self) -> Path:
        return self.prefix / f"lib/python3.{sys.version_info.minor}/site-packages"

    def facts(self) -> Facts:
        facts = super().facts()
        assert facts.python is not None
        python = replace(facts.python, site_dirs=[str(self.site)])
        return replace(facts, python=python)


def pack(folder: Path, name: str, version: str, files: int) -> None:
    contents = trees.wheel(name, version, files)
    info = f"{name}-{version}.dist-info"
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    contents[f"{info}/METADATA"] = b"Metadata-Version: 2.1\n" + contents[f"{info}/METADATA"]
    contents[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name}={name}:main\n".encode()
    if name == "other":  # the only one with such a folder: pip renames it to ~hare
        contents[f"{name}-{version}.data/data/share/note.txt"] = b"data\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, data in contents.items():
            wheel.writestr(path, data)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for name, files in (("pkg", 50), ("other", 6), ("new", 6)):
        pack(folder, name, "1.0", files)
    alone = folder / "alone"
    alone.mkdir()
    (alone / "pip").symlink_to(Path(pip.__file__).parent)
    return folder


@pytest.fixture
def patient(memory_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Real:
    """A venv with pkg and other, and the environment that makes pip take the local wheels."""
    patient = Real(memory_path / "root")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(patient.prefix)], check=True)
    patient.project.mkdir()
    command = [str(patient.prefix / "bin/python"), str(wheels / "alone/pip"), "install", "-q"]
    offline = ["--no-index", "--find-links", str(wheels), "pkg==1.0", "other==1.0"]
    subprocess.run([*command, *offline], check=True)
    (patient.site / "pkg/part1/mod1.py").unlink()
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PATH": os.environ["PATH"]}

    def environment(environ: Mapping[str, str], kind: str) -> dict[str, str]:
        return {**variables, "TMPDIR": environ["TMPDIR"]}

    monkeypatch.setattr(installer, "environment", environment)
    monkeypatch.setattr(install, "environment", environment)
    return patient


@pytest.fixture
def use_pip(
    patient: Real, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], Path]:
    """Makes the engine start the pip that dies; returns the file of its counts."""

    def use(mode: str, fatal: int) -> Path:
        python, counts = str(patient.prefix / "bin/python"), tmp_path / "counts"
        arguments = (str(SCRIPT), str(wheels / "alone"), mode, str(fatal), str(counts))
        chosen = installer.Installer("pip", (python, *arguments))
        monkeypatch.setattr(installer, "choose", lambda facts: chosen)
        monkeypatch.setattr(install, "choose", lambda facts: chosen)
        return counts

    return use


def undo_last(patient: Patient, wait: float = 0.0) -> tuple[str, ...]:
    with lock.held(patient.state, [str(patient.prefix)], "undo", wait):
        try:
            run = runs.find(patient.state, None)
        except NothingToUndo:
            return ()
        return undo_run.undo(run).problems


def test_a_run_through_pip_is_undone(patient: Real, use_pip: Callable[[str, int], Path]) -> None:
    before = trees.state(patient)
    use_pip("both", 0)
    carry_out(patient, STEPS)
    assert (patient.site / "pkg/part1/mod1.py").exists()
    assert (patient.prefix / "bin/new").exists()
    assert not (patient.site / "other").exists()
    assert undo_last(patient) == ()
    assert trees.differences(before, trees.state(patient)) == {}


def test_links_that_lead_nowhere_are_replaced(
    patient: Real, use_pip: Callable[[str, int], Path], tmp_path: Path
) -> None:
    """As a pruned cache leaves them: pip writes through a link. One that leads somewhere stays a link."""
    module, living = patient.site / "pkg/part2/mod2.py", tmp_path / "living.py"
    living.touch()
    for path, target in ((module, "/pruned/mod2.py"), (patient.site / "own.py", str(living))):
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    before = trees.state(patient)
    use_pip("both", 0)
    carry_out(patient, [STEPS[1]])
    assert module.is_file() and not module.is_symlink()
    assert (patient.site / "own.py").is_symlink()
    assert undo_last(patient) == ()
    assert trees.differences(before, trees.state(patient)) == {}


@pytest.mark.parametrize(
    "step", [pytest.param(n, marks=pytest.mark.slow if n else ()) for n in range(len(STEPS))]
)
def test_killed_together_with_pip(
    step: int, patient: Real, use_pip: Callable[[str, int], Path]
) -> None:
    """Seven points in each of three commands: twenty-one kills, on one file system."""
    before = trees.state(patient)
    counts = use_pip("both", 0)
    assert faults.run(partial(carry_out, patient, [STEPS[step]]), journal_only=True) is not None
    total = int(counts.read_text())
    assert undo_last(patient) == ()
    kills = 0
    for fatal in faults.spread(total, 7):
        use_pip("both", fatal)
        kills += faults.run(partial(carry_out, patient, [STEPS[step]])) is None
        assert undo_last(patient, wait=20) == ()
        assert trees.differences(before, trees.state(patient)) == {}, f"{fatal} of {total}"
    assert kills >= 6


def test_a_pip_that_outlives_the_run_is_waited_for(
    patient: Real, use_pip: Callable[[str, int], Path]
) -> None:
    before = trees.state(patient)
    use_pip("parent", 0)
    start = time.monotonic()
    assert faults.run(partial(carry_out, patient, [STEPS[1]])) is None
    with pytest.raises(Busy, match="had started"):
        undo_last(patient)
    assert undo_last(patient, wait=60) == ()
    assert time.monotonic() - start > 1.0, "pip was still at work"
    assert trees.differences(before, trees.state(patient)) == {}


@pytest.mark.some(3)
@pytest.mark.parametrize("setting", ["target", "prefix", "root"])
@pytest.mark.parametrize("section", ["global", "install"])
def test_settings_of_pip_lead_nowhere_else(
    section: str,
    setting: str,
    patient: Real,
    wheels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pip.conf that sends installations elsewhere: the patient alone is changed, as was checked."""
    elsewhere, conf = tmp_path / "elsewhere", tmp_path / "pip.conf"
    conf.write_text(f"[{section}]\n{setting} = {elsewhere}\n")
    python = str(patient.prefix / "bin/python")
    chosen = installer.Installer("pip", (python, str(wheels / "alone/pip")))
    monkeypatch.setattr(installer, "choose", lambda facts: chosen)
    monkeypatch.setattr(install, "choose", lambda facts: chosen)
    monkeypatch.setattr(install, "environment", lambda environ, kind: dict(environ))
    environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": str(conf)}
    environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    carry_out(patient, [STEPS[2]], environ)
    assert (patient.site / "new-1.0.dist-info").is_dir()
    assert not elsewhere.exists()
