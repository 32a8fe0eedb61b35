"""Runs of build files answer for every world that differs in nothing that they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.evidence import building
from gpufix.evidence.builds import builds_of
from gpufix.evidence.cmake_builds import roots
from gpufix.evidence.compiled import compiled
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import EVERY, View
from gpufix.fixes.foresight import overlaid
from gpufix.source.parsed_once import ParsedOnce

CMAKE = "cmake_minimum_required(VERSION 3.20)\nproject(p CUDA CXX)\nadd_library(k a.cu)\n"


@pytest.mark.parametrize(
    ("line", "name", "shared"),
    [
        ("", "MAX_JOBS", True),
        ('message("$ENV{CHOSEN}")', "CHOSEN", False),
        ("", "CUDA_HOME", False),  # the toolkit is chosen by it
        ("", "CXX", False),
    ],
)
def test_a_cmake_build(line: str, name: str, shared: bool, tmp_path: Path) -> None:
    view = t.project({"CMakeLists.txt": CMAKE + line, "a.cu": ""})(tmp_path)
    here, there = roots(view), overlaid(view, {name: "/opt/other"})
    assert (roots(there) is here) is shared


def test_a_view_of_another_torch_shares_nothing(tmp_path: Path) -> None:
    view = t.project({"CMakeLists.txt": CMAKE, "a.cu": ""})(tmp_path)
    here, other = roots(view), view.with_facts(t.look(tmp_path, torch=None).facts)
    assert roots(other) is not here


def test_what_looks_at_every_variable_is_not_shared() -> None:
    def looks(view: View) -> list[str]:
        view.asked.add(EVERY)
        return []

    view = View(t.b.healthy())
    there = overlaid(view, {"MAX_JOBS": "2"})
    assert view.derive(looks, shared=True) is not there.derive(looks, shared=True)
    assert view.derive(building.builds, shared=True) is there.derive(building.builds, shared=True)


@pytest.mark.parametrize(
    ("before", "shared"), [("", True), ("import torch\ntorch.cuda.is_available()", False)]
)
def test_a_setup_that_asks_for_no_gpu(before: str, shared: bool, tmp_path: Path) -> None:
    files = {"setup.py": t.setup(before=before), "ext.cu": ""}
    view = t.project(files, "sm_120")(tmp_path)
    runs = builds_of(view)
    assert (runs.run("setup.py") is runs.run("setup.py", **with_gpu(view))) is shared


def test_a_setup_that_fails_with_and_without_a_gpu(tmp_path: Path) -> None:
    files = {"setup.py": t.setup(before="raise SystemExit(1)"), "ext.cu": ""}
    assert compiled(t.project({**files, "b/setup.py": t.setup()}, "sm_120")(tmp_path)) is None


def test_a_text_is_parsed_once_as_long_as_it_is_kept() -> None:
    parsed: list[str] = []

    def parse(text: str) -> str:
        parsed.append(text)
        return text.upper()

    once = ParsedOnce(parse, most=6)
    assert [once(text) for text in ("abc", "abc", "def", "abc", "ghi", "abc", "def")][-1] == "DEF"
    assert parsed == ["abc", "def", "ghi", "def"]  # the one that was used least lately goes
    assert once("longer than that") == once("longer than that").upper()
    assert len(parsed) == 6


@pytest.mark.parametrize(("required", "known"), [("setuptools", True), ("cmake>=3.26", False)])
def test_the_cmake_of_a_build(required: str, known: bool, tmp_path: Path) -> None:
    """Which one a build takes that requires it, pip decides."""
    asks = (
        "import subprocess\nout = subprocess.check_output(['cmake', '--version'])\n"
        "if 'version 3.25' in out.decode():\n    raise RuntimeError('too old')\n"
    )
    files = {
        "setup.py": t.setup(before=asks),
        "ext.cu": "",
        "pyproject.toml": f'[build-system]\nrequires = ["{required}"]\n',
    }
    view = t.project(files, "sm_120", tools=[t.b.tool("cmake", "3.25.1")])(tmp_path)
    assert (builds_of(view).run("setup.py").fails is not None) is known
