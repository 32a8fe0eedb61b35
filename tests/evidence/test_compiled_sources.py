"""Which sources a project's builds compile."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.evidence.compiled import compiled

BASE = "cmake_minimum_required(VERSION 3.20)\nproject(p CUDA CXX)\n"
FILES = {"a.cu": "", "b.cu": "", "old/c.cu": ""}
OPTION = 'option(WITH_B "B" OFF)\nadd_library(k a.cu)\nif(WITH_B)\n  add_library(l b.cu)\nendif()\n'


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("add_library(k a.cu)\n", {"a.cu"}),
        ("file(GLOB S *.cu)\nadd_library(k ${S})\n", {"a.cu", "b.cu"}),
        (OPTION, {"a.cu"}),
        ("add_library(k ${FROM_ELSEWHERE})\n", None),
        ("find_package(Other)\nadd_library(k a.cu ${Other_SOURCES})\n", None),
        ("add_library(k a.cu)\nadd_custom_command(OUTPUT c.o COMMAND nvcc old/c.cu)\n", None),
        ("message(FATAL_ERROR x)\nadd_library(k a.cu)\n", None),
    ],
)
def test_of_a_cmake_build(text: str, sources: set[str] | None, tmp_path: Path) -> None:
    view = t.project({**FILES, "CMakeLists.txt": BASE + text})(tmp_path)
    assert compiled(view) == sources


def test_of_a_cmake_build_and_a_setup(tmp_path: Path) -> None:
    files = {
        "setup.py": t.setup(),
        "ext.cu": "",
        "csrc/CMakeLists.txt": BASE + "add_library(k a.cu)\n",
    }
    view = t.project({**files, "csrc/a.cu": "", "csrc/b.cu": ""})(tmp_path)
    assert compiled(view) == {"ext.cu", "csrc/a.cu"}
