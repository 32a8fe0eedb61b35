"""Lines of CMake files under options that are off."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.evidence.cmake_options import switched_off

MAIN = """\
project(x)
option(WITH_RUY "Ruy" OFF)
option(WITH_CUDA "CUDA" OFF)
option(CLI "Clients" ON)
if (WITH_RUY)
  add_subdirectory(ruy)
elseif(CLI)
  add_subdirectory(cli)
else()
  add_subdirectory(other)
endif()
if(WITH_CUDA)
  add_subdirectory(cutlass)
endif()
if(CLI AND WITH_RUY)
  add_subdirectory(both)
endif()
add_subdirectory(always)
"""


@pytest.mark.parametrize(
    ("named", "off"),
    [
        ("ruy", True), ("cli", False), ("other", False), ("cutlass", False), ("both", False),
        ("always", False),
    ],
)  # fmt: skip
def test_lines(tmp_path: Path, named: str, off: bool) -> None:
    view = t.look(t.write(tmp_path, {"CMakeLists.txt": MAIN, "a.cpp": ""}))
    line = MAIN[: MAIN.index(f"({named})")].count("\n") + 1
    assert switched_off(view, "CMakeLists.txt", line) is off


def test_an_option_that_a_script_passes(tmp_path: Path) -> None:
    files = {"CMakeLists.txt": MAIN, "build.sh": "cmake -DWITH_RUY=ON .\n"}
    assert not switched_off(t.look(t.write(tmp_path, files)), "CMakeLists.txt", 6)


def test_what_is_no_cmake(tmp_path: Path) -> None:
    view = t.look(t.write(tmp_path, {"setup.py": MAIN}))
    assert not switched_off(view, "setup.py", 6)
    assert not switched_off(view, "gone/CMakeLists.txt", 6)
