"""Which commands of CMake files a configure comes to."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.evidence.cmake_builds import reached

TEXT = """\
cmake_minimum_required(VERSION 3.20)
project(p CUDA)
option(WITH_A "A" OFF)
option(WITH_B "B" ON)
if(WITH_A)
  add_subdirectory(third_party/a)
endif()
if(WITH_B)
  add_subdirectory(
    third_party/b)
endif()
if(FROM_OUTSIDE_${X})
  include_directories(third_party/c)
endif()
find_package(Other)
if(Other_FOUND)
  include_directories(third_party/d)
endif()
function(unused)
  add_subdirectory(third_party/e)
endfunction()
add_library(k k.cu)
"""
FILES = {"k.cu": "", "third_party/b/CMakeLists.txt": "\n", "third_party/a/x.h": ""}


@pytest.mark.parametrize(
    ("line", "answer"), [(6, False), (9, True), (10, True), (17, None), (20, False), (22, True)]
)
def test_a_line_is_reached_by_what_its_options_are_here(
    line: int, answer: bool | None, tmp_path: Path
) -> None:
    view = t.project({**FILES, "CMakeLists.txt": TEXT})(tmp_path)
    assert reached(view, "CMakeLists.txt", line) is answer


def test_nobody_knows_what_comes_after_an_error(tmp_path: Path) -> None:
    text = TEXT.replace("project(p CUDA)", "project(p CUDA)\nmessage(FATAL_ERROR x)")
    view = t.project({**FILES, "CMakeLists.txt": text})(tmp_path)
    assert reached(view, "CMakeLists.txt", 7) is None


def test_a_file_that_no_configure_reads_is_not_known(tmp_path: Path) -> None:
    view = t.project({**FILES, "CMakeLists.txt": TEXT, "x.cmake": "add_subdirectory(y)\n"})(
        tmp_path
    )
    assert reached(view, "x.cmake", 1) is None


def test_what_a_caller_may_pass_is_not_known(tmp_path: Path) -> None:
    files = {**FILES, "CMakeLists.txt": TEXT, "b.sh": "cmake -B b -DWITH_A=$A\n"}
    view = t.project(files)(tmp_path)
    assert reached(view, "CMakeLists.txt", 6) is None
