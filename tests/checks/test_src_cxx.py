"""SRC603, SRC604 (C++), SRC607, SRC608, SRC609: silent on the healthy twin, firing at the line."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t
from cxx_sources import PIPELINE, SETUP, WARP, rocm, tree

from gpufix.checks.source.src607_hip_intrinsics import hip_intrinsics
from gpufix.checks.source.src608_divergent_barrier import divergent_barrier
from gpufix.checks.source.src609_unwritten_output import unwritten_output

SILENT_607 = {
    "nothing": ("__global__ void k() {}\nvoid f() { k<<<1, 2>>>(); }\n", "6.4", "2.9.1"),
    "64 bits": (WARP.replace("{mask}", "0xffffffffffffffffull"), "6.4", "2.9.1"),
    "left to CUDA": (
        "#ifndef USE_ROCM\n" + WARP.replace("{mask}", "~0u") + "#endif\n",
        "6.4",
        "2.9.1",
    ),
    "a macro of its own": (
        "#define __shfl_down_sync(m, v, d) __shfl_down(v, d)\n" + WARP.replace("{mask}", "~0u"),
        "6.4",
        "2.9.1",
    ),
    "syncwarp of 7.0": ("__global__ void k() { __syncwarp(); }\n", "7.0", "2.10.0"),
}


@pytest.mark.parametrize("case", SILENT_607)
def test_src607_is_silent(case: str, tmp_path: Path) -> None:
    text, version, torch = SILENT_607[case]
    view = t.look(tree(tmp_path, ext__cu=text), "gfx1101", **rocm(version, torch))
    assert t.found(hip_intrinsics, view) == []


def test_src607_says_nothing_for_nvidia_targets(tmp_path: Path) -> None:
    root = tree(tmp_path, ext__cu=WARP.replace("{mask}", "~0u"))
    assert t.found(hip_intrinsics, t.look(root, "sm_90")) == []


FIRING_607 = {
    "32-bit mask": (WARP.replace("{mask}", "0xffffffff"), "7.0", "2.10.0", "gfx1101", "error", 2),
    "older ROCm": (
        WARP.replace("{mask}", "0xffffull << 48"),
        "6.1",
        "2.6.0",
        "gfx1101",
        "error",
        2,
    ),
    "not opted in": (WARP.replace("{mask}", "m"), "6.2", "2.7.0", "gfx1101", "error", 2),
    "syncwarp": (
        "\n\n__global__ void k() { __syncwarp(); }",
        "6.4",
        "2.9.1",
        "gfx1101",
        "error",
        3,
    ),
    "chevrons": ("void f() {\nk << <1, 2 >> >(); }", "6.4", "2.9.1", "gfx1101", "error", 2),
    "ballot of 64 lanes": (
        "__global__ void k(int* p) { p[0] = __ballot_sync(m, 1); }",
        "7.0",
        "2.10.0",
        "gfx942",
        "warning",
        1,
    ),
    "reductions": (
        "#include <cooperative_groups/reduce.h>\n",
        "7.0",
        "2.10.0",
        "gfx942",
        "error",
        1,
    ),
}


@pytest.mark.parametrize("case", FIRING_607)
def test_src607_fires(case: str, tmp_path: Path) -> None:
    text, version, torch, gfx, severity, line = FIRING_607[case]
    view = t.look(tree(tmp_path, ext__cu=text), gfx, **rocm(version, torch))
    assert t.told(t.found(hip_intrinsics, view)) == [(severity, "ext.cu", [line])]


@pytest.mark.parametrize("build", ["if torch.version.hip:\n    pass", "IS_ROCM = False"])
def test_src607_warns_where_the_build_knows_of_hip(build: str, tmp_path: Path) -> None:
    root = tree(tmp_path, ext__cu="void f() { k << <1, 2 >> >(); }")
    t.write(root, {"setup.py": t.setup(before=build)})
    found = t.found(hip_intrinsics, t.look(root, "gfx1101", **rocm("6.4")))
    assert t.told(found) == [("warning", "ext.cu", [1])]


SPLIT = "void f() { k << <1, 2 >> >(); }\n"
CHOSEN = """\
from setuptools import setup
from torch.utils.cpp_extension import CUDAExtension
import torch
{before}
extensions = []
if {test}:
    extensions.append(CUDAExtension("ext._C", ["ext.cu"]))
setup(name="ext", ext_modules=extensions)
"""
LEFT_OUT_607 = {
    "left to CUDA": {"setup.py": CHOSEN.format(before="", test="torch.version.hip is None")},
    "left to CUDA by a name": {
        "setup.py": CHOSEN.format(before="IS_ROCM = find()", test="not SKIP and not IS_ROCM")
    },
    "by a name's value": {
        "setup.py": CHOSEN.format(before="target = find()", test='target != "rocm"')
    },
    "an option of a build that knows of HIP": {
        "setup.py": CHOSEN.format(before="IS_ROCM = find()", test='"--ext" in sys.argv')
    },
    "not named by a build that names others": {
        "setup.py": SETUP.replace("ext.cu", "other.cu"),
        "other.cu": "",
    },
    "CMake that knows of HIP": {
        "setup.py": "",
        "CMakeLists.txt": "enable_language(HIP)\nadd_library(ext ext.cu)\n",
    },
    "for NVIDIA's tensor cores": {"ext.cu": "#include <cutlass/gemm.h>\n" + SPLIT},
    "for NVIDIA's tensor cores, by a header": {
        "ext.cu": '#include "gemm.h"\n' + SPLIT,
        "gemm.h": "#include <cute/tensor.hpp>\n",
    },
    "in a header of the CUDA build alone": {
        "ext.cu": '#ifndef USE_ROCM\n#include "split.h"\n#endif\n',
        "split.h": SPLIT,
    },
    "in a test that is carried along": {"ext.cu": "", "third_party/gtest/t.cu": SPLIT},
}


@pytest.mark.parametrize("case", LEFT_OUT_607)
def test_src607_passes_over_what_a_hip_build_leaves_out(case: str, tmp_path: Path) -> None:
    root = t.write(tmp_path, {"setup.py": SETUP, "ext.cu": SPLIT, **LEFT_OUT_607[case]})
    assert t.found(hip_intrinsics, t.look(root, "gfx1101", **rocm("6.4"))) == []


TAKEN_607 = {
    "under an option": {"setup.py": CHOSEN.format(before="", test='"--ext" in sys.argv')},
    "by CMake": {"setup.py": "", "CMakeLists.txt": "add_library(ext ext.cu)\n"},
    "by its ending": {
        "setup.py": SETUP.replace('["ext.cu"]', '[f for f in found if f.endswith(".cu")]')
    },
    "by a pattern": {"setup.py": SETUP.replace('["ext.cu"]', 'glob("*.cu")')},
}


@pytest.mark.parametrize("case", TAKEN_607)
def test_src607_knows_what_a_build_takes(case: str, tmp_path: Path) -> None:
    root = t.write(tmp_path, {"setup.py": SETUP, "ext.cu": SPLIT, **TAKEN_607[case]})
    found = t.found(hip_intrinsics, t.look(root, "gfx1101", **rocm("6.4")))
    assert t.told(found) == [("error", "ext.cu", [1])]


def test_src607_warns_where_no_build_file_names_a_source(tmp_path: Path) -> None:
    root = t.write(tmp_path, {"ext.cu": SPLIT})
    found = t.found(hip_intrinsics, t.look(root, "gfx1101", **rocm("6.4")))
    assert t.told(found) == [("warning", "ext.cu", [1])]


def test_src607_a_ballot_in_a_macro_is_not_one_yet(tmp_path: Path) -> None:
    text = "#define BALLOT(mask, value) __ballot_sync((mask), value)\n"
    view = t.look(tree(tmp_path, ext__cu=text), "gfx942", **rocm("7.0", "2.10.0"))
    assert t.found(hip_intrinsics, view) == []


def test_src607_ballots_of_32_lanes_are_whole(tmp_path: Path) -> None:
    text = FIRING_607["ballot of 64 lanes"][0]
    view = t.look(tree(tmp_path, ext__cu=text), "gfx1101", **rocm("7.0", "2.10.0"))
    assert t.found(hip_intrinsics, view) == []


def test_src608(tmp_path: Path) -> None:
    text = "__global__ void k(int n) {\n  if (threadIdx.x < n) {\n    __syncthreads();\n  }\n}\n"
    found = t.found(divergent_barrier, t.look(tree(tmp_path, ext__cu=text)))
    assert t.told(found) == [("warning", "ext.cu:3", [3, 2])]
    healthy = text.replace("threadIdx.x", "blockIdx.x")
    assert t.found(divergent_barrier, t.look(tree(tmp_path, ext__cu=healthy))) == []


def test_src609(tmp_path: Path) -> None:
    view = t.look(tree(tmp_path, ext__cu=PIPELINE % "if (a < limit) continue;"))
    found = t.found(unwritten_output, view)
    assert t.told(found) == [("advice", "ext.cu", [7, 2])]
    view = t.look(tree(tmp_path, ext__cu=PIPELINE % ""))
    assert t.found(unwritten_output, view) == []
