"""A real pip, a real uv and a real compiler, killed at any time, with somebody else beside them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pip
import pytest
import trees
from others import Other
from steps_for import carry_out
from test_kill_points import assert_honest, finish, strange
from test_pip import Real, pack

import needs
from gpufix.engine import installer
from gpufix.engine.builds import command
from gpufix.engine.journal import programs, runs
from gpufix.engine.steps import install
from gpufix.model import Build, Install, Step

ACTORS = ["editor", "appender", "pip", "orphan"]
SETUP = """
from setuptools import Extension, setup
setup(name="my_ext", version="1.0", ext_modules=[Extension("my_ext", ["a.cpp", "b.cpp"], language="c++")])
"""
SOURCE = '#include <string>\nextern "C" std::size_t {name}() {{ return std::string("{name}").size(); }}\n'
INIT = """
#include <Python.h>
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "my_ext", 0, -1, 0};
PyMODINIT_FUNC PyInit_my_ext() { return PyModule_Create(&module); }
"""


@dataclass
class Bench:
    """An environment with pkg and other, made once; each kill gets a copy at the same place."""

    above: Path
    program: str
    step: Step
    seconds: float = 0.0

    @property
    def patient(self) -> Real:
        return Real(self.above / "root")

    def afresh(self) -> Real:
        shutil.rmtree(self.above / "root", ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.above / "made"), str(self.above / "root")], check=True)
        return self.patient

    def cut_off(self, delay: float, also_programs: bool, before: Callable[[], None]) -> bool:
        """Carry the step out in a process that is killed after so long; whether it was."""
        if (pid := os.fork()) == 0:
            code = 1
            try:
                carry_out(self.patient, [self.step], self.environ)
                code = 0
            finally:
                os._exit(code)
        time.sleep(delay)
        before()
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        for run in runs.every(self.patient.state)[-1:] if also_programs else ():
            programs.end(run)
        return os.WIFSIGNALED(status)

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.above)}


def _project(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "setup.py").write_text(SETUP)
    (folder / "a.cpp").write_text(SOURCE.format(name="a") + INIT)
    (folder / "b.cpp").write_text(SOURCE.format(name="b"))
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    )


STEPS: dict[str, Callable[[Real], Step]] = {
    "pip": lambda p: Install(install=["pkg==1.0"], reinstall=True),
    "uv": lambda p: Install(install=["pkg==1.0"], reinstall=True),
    "build": lambda p: Build(path=str(p.project), editable=True),
}


@pytest.fixture
def bench(
    request: pytest.FixtureRequest,
    memory_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    """The environment of the program that the test names."""
    name = request.param
    wheels, patient = memory_path / "wheels", Real(memory_path / "root")
    wheels.mkdir()
    for dist, files in (("pkg", 40), ("other", 6)):
        pack(wheels, dist, "1.0", files)
    (wheels / "alone").mkdir()
    (wheels / "alone/pip").symlink_to(Path(pip.__file__).parent)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(patient.prefix)], check=True)
    # What builds, at the tests' own place.
    (patient.site / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = str(patient.prefix / "bin/python")
    if name == "uv":
        chosen = installer.Installer("uv", (needs.path("uv"), "pip"), ("--python", python))
    else:
        chosen = installer.Installer("pip", (python, str(wheels / "alone/pip")))
    variables = {
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_BUILD_ISOLATION": "0",
        "UV_OFFLINE": "1", "UV_FIND_LINKS": str(wheels), "UV_CACHE_DIR": str(memory_path / "uv-cache"),
        "UV_LINK_MODE": "hardlink", "PATH": os.environ["PATH"], "HOME": str(memory_path),
    }  # fmt: skip

    def environment(environ: Mapping[str, str], kind: str) -> dict[str, str]:
        named = {key: environ[key] for key in ("TMPDIR", programs.VARIABLE) if key in environ}
        return {**variables, **named}

    for module in (installer, install, command):
        monkeypatch.setattr(module, "environment", environment)
        monkeypatch.setattr(module, "choose", lambda facts: chosen)
    monkeypatch.setattr("gpufix.engine.journal.parts._SLACK", 0)
    subprocess.run(
        chosen.command("install", "-q", "pkg==1.0", "other==1.0"), check=True, env=variables
    )
    if name == "uv":
        assert (patient.site / "pkg/part1/mod1.py").stat().st_nlink > 1, "it is a file of the cache"
    _project(patient.project)
    (memory_path / "root").rename(memory_path / "made")
    made = Bench(memory_path, name, STEPS[name](patient))
    start, whole = time.monotonic(), made.afresh()
    carry_out(whole, [made.step], made.environ)
    made.seconds = time.monotonic() - start
    assert trees.differences(trees.state(whole), trees.state(Real(memory_path / "made"))), (
        "the step has changed something"
    )
    finish(whole)
    yield made


def kill(bench: Bench, kills: int, seed: int = 15) -> int:
    """So many; how many of them came before the end."""
    chance, cut = random.Random(seed), 0
    for number in range(kills):
        patient = bench.afresh()
        twin = bench.above / "twin"
        shutil.rmtree(twin, ignore_errors=True)
        subprocess.run(["cp", "-al", str(patient.prefix), str(twin)], check=True)
        cache = unpacked(bench.above / "uv-cache")
        other = Other(patient, ACTORS[number % len(ACTORS)], bench.above / "told", spares=True)
        before, copied = trees.state(patient), contents(twin)
        act = other.act if number % 3 != 1 else str
        delay = bench.seconds * chance.random()
        cut += bench.cut_off(delay, also_programs=number % 2 == 0, before=act)
        if number % 3:
            other.act()
        told = finish(patient)
        other.close()
        told += finish(patient)
        for row in told:
            assert_honest(row)
        said = json.dumps({"kill": number, "delay": delay})
        assert other.lost() == [], said
        assert strange(before, trees.state(patient), patient, other.touched()) == {}, said
        assert contents(twin) == copied, said
        now = unpacked(bench.above / "uv-cache")
        assert {path: now.get(path) for path in cache} == cache, said
    return cut


def unpacked(cache: Path) -> dict[str, Any]:
    """The wheels in uv's cache, whose files environments share."""
    return {path: data for path, data in contents(cache).items() if "/archive-" in path}


def contents(folder: Path) -> dict[str, Any]:
    """Bytes, mode and time of each file."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("bench", ["pip"], indirect=True)
def test_pip_is_killed_a_few_times(bench: Bench) -> None:
    assert kill(bench, 4) >= 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("bench", ["pip"], indirect=True)
def test_pip_is_killed_often(bench: Bench) -> None:
    assert kill(bench, 110) >= 80


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.needs("uv")
@pytest.mark.parametrize("bench", ["uv"], indirect=True)
def test_uv_is_killed_often(bench: Bench) -> None:
    """Its cache, whose files are the environment's own, and a copy by links are as they were."""
    assert kill(bench, 70) >= 40


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h", "setuptools")
@pytest.mark.parametrize("bench", ["build"], indirect=True)
def test_a_compiler_is_killed_a_few_times(bench: Bench) -> None:
    assert kill(bench, 2) >= 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.needs("g++", "Python.h", "setuptools")
@pytest.mark.parametrize("bench", ["build"], indirect=True)
def test_a_compiler_is_killed_often(bench: Bench) -> None:
    assert kill(bench, 80) >= 40
