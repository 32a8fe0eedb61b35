"""tools/lowest.py installs what the metadata admits, on the Pythons that are here, or leaves nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from packaging.requirements import Requirement
from packaging.version import Version

import lowest

RUNNING = lowest.Python((sys.version_info[0], sys.version_info[1]), sys.executable)


@pytest.fixture
def environment(tmp_path: Path) -> lowest.Environment:
    return lowest.Environment(RUNNING, tmp_path / "env")


@pytest.fixture
def commands(environment: lowest.Environment, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is run to make the environment, without running it."""
    started: list[list[str]] = []

    def run(command: list[str]) -> None:
        environment.folder.mkdir(exist_ok=True)
        started.append(command)

    monkeypatch.setattr(lowest, "run", run)
    return started


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("rich>=12.0", "12.0"),
        ("pydantic<3,>=2.0.2; python_version == '3.12'", "2.0.2"),
        ("typer>=0.15.4,!=0.16.*", "0.15.4"),
        ("ruff==0.14.4", "0.14.4"),
    ],
)
def test_the_lowest_version(requirement: str, version: str) -> None:
    assert lowest.lowest(Requirement(requirement)) == version


@pytest.mark.parametrize("requirement", ["rich", "rich<13", "rich!=12.0"])
def test_what_is_not_bounded_below_is_refused(requirement: str) -> None:
    with pytest.raises(SystemExit, match="rich"):
        lowest.lowest(Requirement(requirement))


@pytest.mark.parametrize("python", lowest.supported())
def test_what_is_installed_is_the_lowest_that_the_metadata_admits(
    python: str, environment: lowest.Environment, commands: list[list[str]]
) -> None:
    version = tuple(map(int, python.split(".")))
    lowest.Environment(lowest.Python(version, "python"), environment.folder).make()
    _, together, alone = commands
    # Behind pip's options: the tools by their names alone, each dependency, and the project itself.
    given = together[together.index("-c") + 2 :]
    extra = lowest.project()["optional-dependencies"]["test"]
    assert given[: len(lowest.TOOLS)] == lowest.TOOLS
    assert set(lowest.TOOLS) <= {Requirement(text).name for text in extra}
    assert given[-2:] == ["-e", str(lowest.ROOT)]
    pinned = {r.name: r for r in map(Requirement, given[len(lowest.TOOLS) : -2])}
    admitted = lowest.applying(lowest.project()["dependencies"], python)
    assert set(pinned) == {r.name for r in admitted}
    for requirement in admitted:
        (pin,) = pinned[requirement.name].specifier
        bounds = [s.version for s in requirement.specifier if s.operator != "!="]
        assert requirement.specifier.contains(pin.version)
        assert all(Version(pin.version) <= Version(bound) for bound in bounds)
    assert alone[alone.index("--target") + 2 :] == [str(pinned["typer"])]


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_only_a_python_that_can_make_an_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    program(tmp_path, "python3.10", "echo 'no such version' >&2; exit 127")
    program(tmp_path, "python3.11", f'exec "{sys.executable}" -c "{without}" "$2"')
    program(tmp_path, "python3.9", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    found = lowest.pythons(["python3.9", "python3.10", "python3.11", "python3.12"])
    assert found == [lowest.Python(RUNNING.version, str(tmp_path / "python3.9"))]


def test_what_runs_this_comes_before_its_like_on_the_path() -> None:
    assert RUNNING in lowest.pythons([Path(sys.executable).name])


@pytest.mark.slow
def test_an_environment_that_cannot_be_completed_goes_away(
    environment: lowest.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(SystemExit, match="pip install"):
        environment.make()
    assert not environment.folder.exists()


@pytest.mark.parametrize("change", ["half made", "another bound"])
def test_an_environment_is_made_again_only_when_it_must_be(
    change: str, environment: lowest.Environment, commands: list[list[str]]
) -> None:
    environment.make()
    environment.make()
    assert len(commands) == 3
    left = environment.folder / "left"
    left.touch()
    stamp = environment.folder / "stamp"
    if change == "half made":
        stamp.unlink()
    else:
        stamp.write_text(stamp.read_text("utf-8").replace("rich==", "rich==9"), "utf-8")
    environment.make()
    assert len(commands) == 6
    assert not left.exists()
