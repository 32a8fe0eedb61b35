"""What pyproject.toml says of Pythons and dependencies agrees with itself and with the lock."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
TABLE: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT, TOOL = TABLE["project"], TABLE["tool"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
DEPENDENCIES = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(text) for text in PROJECT["optional-dependencies"][name]]
    for name in ("test", "dev", "docs", "mutants", "conda")
}
LOCK = (ROOT / "tools" / "constraints.txt").read_text("utf-8").splitlines()
PINS = [Requirement(line) for line in LOCK if not line.startswith("#")]
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def on(python: str, requirements: list[Requirement]) -> list[Requirement]:
    """Those that a Python meets."""
    meets = {"python_version": python, "python_full_version": f"{python}.9", "extra": ""}
    return [r for r in requirements if r.marker is None or r.marker.evaluate(meets)]


def bound(requirement: Requirement) -> Version:
    (lower,) = (Version(s.version) for s in requirement.specifier if s.operator == ">=")
    return lower


def test_the_pythons_are_the_same_everywhere() -> None:
    prefix = "Programming Language :: Python :: 3."
    classified = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith(prefix)]
    assert classified == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert TOOL["mypy"]["python_version"] == PYTHONS[0]
    assert TOOL["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"


@pytest.mark.parametrize("python", PYTHONS)
def test_each_dependency_has_one_lower_bound(python: str) -> None:
    needless = {"tomli"} if python != "3.10" else set()
    applying = on(python, DEPENDENCIES)
    names = {r.name for r in DEPENDENCIES} - needless
    assert sorted(r.name for r in applying) == sorted(names)
    assert all(bound(r) for r in applying)


@pytest.mark.parametrize("name", sorted({r.name for r in DEPENDENCIES}))
def test_a_later_python_admits_no_earlier_release(name: str) -> None:
    """It has the wheels of later releases."""
    named = [r for r in DEPENDENCIES if r.name == name]
    bounds = [bound(r) for python in PYTHONS for r in on(python, named)]
    assert bounds == sorted(bounds)


def test_the_installed_metadata_says_the_same() -> None:
    installed = [Requirement(text) for text in importlib.metadata.requires("gpufix") or []]
    found = {r.name: r.specifier for r in on(RUNNING, installed)}
    assert found == {r.name: r.specifier for r in on(RUNNING, DEPENDENCIES)}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_pins_what_the_extras_name(python: str) -> None:
    pins = {canonicalize_name(r.name): r for r in on(python, PINS)}
    assert len(pins) == len(on(python, PINS)), "two pins of one package"
    ours = run_time()
    for wanted in [r for extra in EXTRAS.values() for r in on(python, extra)]:
        name = canonicalize_name(wanted.name)
        if name in ours:
            continue
        (pin,) = pins[name].specifier
        assert pin.operator == "==" and wanted.specifier.contains(pin.version), wanted


def test_the_lock_leaves_out_what_gpufix_runs_on() -> None:
    """So that the tests meet what a user gets today."""
    assert run_time() & {canonicalize_name(r.name) for r in PINS} == set()


def run_time() -> set[str]:
    """gpufix's dependencies, what these draw in here, and what they draw in elsewhere by name."""
    found: set[str] = set()
    waiting = [canonicalize_name(r.name) for r in DEPENDENCIES]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            texts = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python
        drawn = [r for r in map(Requirement, texts) if "extra" not in str(r.marker)]
        waiting += [canonicalize_name(r.name) for r in drawn]
    return found


@pytest.mark.needs("mypy")
def test_types_do_not_depend_on_what_is_installed(tmp_path: Path) -> None:
    """numpy's stubs are written for newer Pythons than the oldest that gpufix supports."""
    for name in ("numpy", "torch"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.pyi").write_text("type Newer = int\n")
    (tmp_path / "ours.py").write_text("import numpy\nimport torch\nx: int = numpy.a + torch.b\n")
    config = (ROOT / "pyproject.toml").read_text("utf-8").replace('files = ["src"]', "")
    (tmp_path / "pyproject.toml").write_text(config)
    command = [sys.executable, "-m", "mypy", "--cache-dir", "/dev/null", "ours.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
