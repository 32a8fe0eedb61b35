"""What a project's files repeat costs time in proportion: none of these takes a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.project.project import collect
from gpufix.facts.project.source_files import mentions
from gpufix.facts.toolchain.programs import behind
from gpufix.model import Project, SourceFile
from gpufix.source import cmake, requirement_files, toml_text
from gpufix.source.cmake import commands

SIZE = 1 << 18


def read_mentions(text: str, folder: Path) -> object:
    (folder / "a.py").write_text(f"{text}\nglm")
    return mentions(
        Project(root=str(folder), sources=[SourceFile(path="a.py", kind="python", size=SIZE)]),
        "x/glm",
    )


def follow(text: str, folder: Path) -> object:
    (folder / "nvcc").write_text(f"#!/bin/sh\n{text}")
    return behind(CollectContext(environ={}), folder / "nvcc")


@pytest.mark.parametrize(
    ("piece", "read"),
    [
        ("if(A)\n", lambda text, _: cmake.scan(text)),
        ("if(NOT DEFINED ENV{A})\nif(B)\n", lambda text, _: cmake.scan(text)),
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
    assert time.process_time() - begin < 2  # each took from 4 seconds to minutes


def refused(text: str) -> None:
    with pytest.raises(ValueError):
        requirement_files.scan_pyproject(text)


def test_conditions_within_conditions_are_guards_once() -> None:
    found = commands(
        "if(NOT DEFINED ENV{A})\n if(B)\n  if(C)\n   foreach(i)\n    x()\n   endforeach()\n"
        "  endif()\n else()\n  y()\n endif()\n z()\nendif()\nw()\n"
    )
    guards = {c.name: c.guards for c in found if c.name in "xyzw"}
    assert guards == {"x": ("!env:A", "?"), "y": ("!env:A", "?"), "z": ("!env:A",), "w": ()}


def test_guards_beyond_any_need_are_not_judged() -> None:
    depth = 80
    text = "".join(f"if(NOT DEFINED ENV{{A{i}}})\n" for i in range(depth)) + "x()\n"
    guards = commands(text)[-1].guards
    assert len(guards) == 51
    assert guards[-1] == "?"


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
