"""A CMake project that finds torch by a FindTorch.cmake of its own, as MILo's tetra_triangulation does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import builders as b
import pytest
import source_tree as t

import needs
from gpufix.checks.source.src602_hard_coded_abi import hard_coded_abi
from gpufix.checks.toolchain.tch204_toolkit_missing import toolkit_missing
from gpufix.checks.toolchain.tch211_cxx_standard_too_old import cxx_standard_too_old
from gpufix.evidence.view import View
from gpufix.fixes.source.follow_torch_abi import follow_torch_abi
from gpufix.fixes.toolchain.raise_cxx_standard import raise_cxx_standard

ABI = "_GLIBCXX_USE_CXX11_ABI"
FILES = {
    "cmake/FindTorch.cmake": """\
execute_process(COMMAND python3 -c "import torch; print(torch.__file__, end='')" OUTPUT_VARIABLE HERE)
set(TORCH_LIBRARIES "")
string(APPEND CMAKE_CXX_FLAGS " -Wall -D_GLIBCXX_USE_CXX11_ABI=0")
""",
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.16)
project(e CXX)
set(CMAKE_MODULE_PATH "${CMAKE_SOURCE_DIR}/cmake" ${CMAKE_MODULE_PATH})
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_package(Torch REQUIRED)
add_library(e SHARED a.cpp)
target_compile_features(e PRIVATE cxx_std_17)
""",
    "a.cpp": "#include <torch/extension.h>\n",
}
WRAPPER = b.toolkit(root="/opt/cuda-12.8", origin="PATH", wrapper="/usr/local/bin/nvcc")


def look(root: Path) -> View:
    answers = {f"torch-standard:{name}": 20 for name in ("ATen/ATen.h", "torch/extension.h")}
    torch = b.torch("2.14.1+cu130")
    return t.look(root, torch=torch, answers=answers, toolkits=[WRAPPER], tools=[b.tool("g++")])


def test_what_it_sets_is_what_counts(tmp_path: Path) -> None:
    view = look(t.write(tmp_path, FILES))
    assert t.told(t.found(hard_coded_abi, view)) == [("error", "cmake/FindTorch.cmake", [3])]
    assert t.told(t.found(cxx_standard_too_old, view)) == [("error", "CMakeLists.txt", [7, 1])]
    assert not [f for f in t.found(toolkit_missing, view) if "find_package(Torch)" in f.message]


@pytest.mark.needs("cmake", "g++")
@pytest.mark.parametrize(("version", "flag"), [("2.14.1+cu130", "-std=gnu++20"), ("2.13.0", "")])
def test_its_plans_ask_the_torch_that_is_there(tmp_path: Path, version: str, flag: str) -> None:
    """In a real CMake, with a python that has such a torch."""
    says = f"__version__ = {version!r}\nclass _C:\n    {ABI} = True\n"
    t.write(tmp_path, {"py/torch.py": says})
    root = t.write(tmp_path / "p", FILES)
    for check, fix in (
        (hard_coded_abi, follow_torch_abi),
        (cxx_standard_too_old, raise_cxx_standard),
    ):
        view = look(root)
        (finding,) = t.found(check, view)
        t.apply(fix(finding, view))
        assert t.found(check, look(root)) == []
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = {"PYTHONPATH": str(tmp_path / "py"), "PATH": path}
    command = [needs.path("cmake"), "-S", str(root), "-B", str(tmp_path / "b")]
    done = subprocess.run(command, env=env, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    (unit,) = json.loads((tmp_path / "b/compile_commands.json").read_text())
    words = unit["command"].split()
    asked = [w for w in words if w.startswith("-std=")]
    assert f"-D{ABI}=1" in words
    # A feature asks for no flag where the compiler's own C++ is that one.
    own = ["g++", "-x", "c++", "-dM", "-E", "/dev/null"]
    macros = subprocess.run(own, capture_output=True, check=True, text=True).stdout
    takes_20 = "#define __cplusplus 202002L" in macros
    assert asked == [flag][: len(flag)] or (not asked and takes_20)
