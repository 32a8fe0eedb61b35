"""What a project's files repeat costs time in proportion: none of these takes a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.project.project import collect
from gpufix.facts.project.source_files import ProjectSources
from gpufix.facts.toolchain.programs import behind
from gpufix.model import Project, SourceFile
from gpufix.source import requirement_files, toml_text
from gpufix.source.builds import cmake_syntax
from gpufix.source.builds.cmake_result import run_cmake
from gpufix.source.builds.cmake_state import CMakeCall
from gpufix.source.builds.shell_run import run
from gpufix.source.builds.world import BuildWorld

SIZE = 1 << 18


def read_mentions(text: str, folder: Path) -> object:
    (folder / "a.py").write_text(f"{text}\nglm")
    sources = [SourceFile(path="a.py", kind="python", size=SIZE)]
    return ProjectSources(Project(root=str(folder), sources=sources)).mentions("x/glm")


def follow(text: str, folder: Path) -> object:
    (folder / "nvcc").write_text(f"#!/bin/sh\n{text}")
    return behind(CollectContext(environ={}), folder / "nvcc")


@pytest.mark.some(5)
@pytest.mark.parametrize(
    ("piece", "read"),
    [
        ("if(A)\n", lambda text, _: cmake_syntax.script(text)),
        ("project(CUDA\n", lambda text, _: cmake_syntax.scan(text)),
        ("if(A)\nendif()\n", lambda text, _: configured(text)),
        ("find_package(A)\nif(A_FOUND)\nset(B ${B}x)\nendif()\n", lambda text, _: configured(text)),
        ("set(A ${A}${A}x)\n", lambda text, _: configured(text)),
        ("list(APPEND A ${A} x)\n", lambda text, _: configured(text)),
        ("project(A)\n", lambda text, _: configured(text)),
        ("include(${CMAKE_CURRENT_LIST_FILE})\n", lambda text, _: configured(text)),
        ("add_library(x${i} a.cu)\nmath(EXPR i ${i}+1)\n", lambda text, _: configured(text)),
        (
            'if("${a}" MATCHES "(a*)*b")\nendif()\n',
            lambda text, _: configured(f"set(a {'a' * 90})\n{text}"),
        ),
        (
            "%$$R=1 ",
            lambda text, _: run(f"export {text}", "a.sh", BuildWorld(root="/p", files=OneFile(""))),
        ),
        ("a.", lambda text, _: refused(text)),
        ("[a.", lambda text, _: refused(text)),
        ("a=[", lambda text, _: refused(text)),
        ("\n", read_mentions),
        ("import a\n", read_mentions),
        ("\n", follow),
        ("exec /a ", follow),
    ],
)
def test_repetition(piece: str, read: Callable[[str, Path], object], tmp_path: Path) -> None:
    text = piece * (SIZE // len(piece))
    begin = time.process_time()
    read(text, tmp_path)
    assert time.process_time() - begin < 4  # a busy machine doubles it; each took up to minutes


class OneFile:
    """A project of one CMakeLists.txt."""

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, path: str) -> str | None:
        return self._text

    def exists(self, path: str) -> bool | None:
        return path == "/p/CMakeLists.txt"

    def names_in(self, folder: str) -> list[str]:
        return []

    def is_folder(self, path: str) -> bool | None:
        return False


def configured(text: str) -> object:
    world = BuildWorld(root="/p", files=OneFile(text))
    return run_cmake(CMakeCall(world=world, source="/p"))


def test_a_comparison_that_cmake_does_not_know_is_no_answer() -> None:
    configured("string(COMPARE LES a b c)\nadd_library(x ${c})")


def refused(text: str) -> None:
    with pytest.raises(ValueError):
        requirement_files.scan_pyproject(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a" * (2 << 20), "a." * 5000 + "b = 1"])
def test_a_project_with_costly_toml_is_a_gap(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    ctx = CollectContext(environ={})
    project = collect(ctx, tmp_path)
    assert project is not None
    assert project.config == {}
    assert [gap.section for gap in ctx.gaps] == ["project"]


def test_dots_in_several_lines_are_no_matter() -> None:
    assert len(toml_text.parse("a = [\n" + "'1.2.3.4',\n" * 5000 + "]\n")["a"]) == 5000
