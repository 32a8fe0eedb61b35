"""Plans for C++ sources: the patch compiles, the finding is gone, a second application is none."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import builders as b
import pytest
import source_tree as t
from cxx_sources import HEADER, PIPELINE, SETUP, UNIT, WARP, cuda, gcc, rocm, tree

import needs
from gpufix.checks.source.src602_hard_coded_abi import hard_coded_abi
from gpufix.checks.source.src603_missing_include import missing_include
from gpufix.checks.source.src604_removed_api import removed_api
from gpufix.checks.source.src607_hip_intrinsics import hip_intrinsics
from gpufix.checks.source.src609_unwritten_output import unwritten_output
from gpufix.fixes.source.adapt_to_hip import adapt_to_hip
from gpufix.fixes.source.clear_outputs import clear_outputs
from gpufix.fixes.source.include_header import include_header
from gpufix.fixes.source.inject_abi_header import inject_abi_header
from gpufix.fixes.source.replace_removed_cuda import replace_removed_cuda
from gpufix.model import Plan, Skip
from gpufix.source.cxx import cxx_edits, hip


def mend(root: Path, check: Any, fix: Any, *named: str, **sections: Any) -> list[Any]:
    """Apply every plan once; what the fix says to what is found after."""
    view = t.look(root, *named, **sections)
    plans = [fix(finding, view) for finding in t.found(check, view)]
    assert plans
    for plan in plans:
        assert isinstance(plan, Plan), plan
        t.apply(plan)
    view = t.look(root, *named, **sections)
    return [fix(finding, view) for finding in t.found(check, view)]


def nvcc(path: Path, *flags: str) -> None:
    compile_ = [needs.path("nvcc"), "-std=c++17", "-arch=sm_80", "-c", "-o", "/dev/null"]
    command = [*compile_, *flags, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


INCLUDED = {
    "below the comment": (HEADER, HEADER.replace("#include <v", "#include <cstdint>\n#include <v")),
    "CRLF": (
        HEADER.replace("\n", "\r\n"),
        HEADER.replace("#include <v", "#include <cstdint>\n#include <v").replace("\n", "\r\n"),
    ),
    "no other include": (
        "// c\n#ifndef I_H\n#define I_H\nuint32_t f();\n#endif\n",
        "// c\n#ifndef I_H\n#define I_H\n#include <cstdint>\nuint32_t f();\n#endif\n",
    ),
    "a conditional first": (
        "#pragma once\n#ifdef X\n#include <map>\n#endif\nuint32_t f();\n",
        "#pragma once\n#include <cstdint>\n#ifdef X\n#include <map>\n#endif\nuint32_t f();\n",
    ),
    "byte-order mark": (
        "\ufeff#include <map>\nuint32_t f();",
        "\ufeff#include <cstdint>\n#include <map>\nuint32_t f();",
    ),
}


@pytest.mark.parametrize("case", INCLUDED)
def test_an_include_is_inserted(case: str, tmp_path: Path) -> None:
    before, after = INCLUDED[case]
    root = tree(tmp_path, impl__h=before, other__h="\n", ext__cu=UNIT)
    assert mend(root, missing_include, include_header, **gcc("13.2.0")) == []
    assert (root / "impl.h").read_bytes().decode("utf-8") == after


def test_latin_1_stays_latin_1(tmp_path: Path) -> None:
    text = "// \xe9\n#include <map>\nuint32_t a;\n"
    root = t.write(tmp_path, {"setup.py": SETUP, "ext.cu": text.encode("latin-1")})
    assert mend(root, missing_include, include_header, **gcc("13.2.0")) == []
    assert (root / "ext.cu").read_bytes() == text.replace(
        "#include <m", "#include <cstdint>\n#include <m"
    ).encode("latin-1")


CUB = """\
#include <cub/cub.cuh>

__global__ void largest(const int* in, int* out)
{
    typedef cub::BlockReduce<int, 128> Reduce;
    __shared__ typename Reduce::TempStorage storage;
    int found = Reduce(storage).Reduce(in[threadIdx.x], cub::Max());
    __syncthreads();
    found += Reduce(storage).Reduce(in[threadIdx.x], cub::Sum());  // cub::Sum as before
    if (threadIdx.x == 0) *out = found;
}
"""


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_functors_of_cub_build_with_cuda_13(tmp_path: Path) -> None:
    root = tree(tmp_path, ext__cu=CUB)
    assert mend(root, removed_api, replace_removed_cuda, **cuda("13.0")) == []
    text = (root / "ext.cu").read_text()
    assert "#define GPUFIX_CUB_MAX cub::Max\n" in text
    assert "// cub::Sum as before" in text
    nvcc(root / "ext.cu")


PROPERTIES = """\
#include <cuda_runtime.h>
#include <cstdio>
int rate(int device)
{
    cudaDeviceProp prop;
    cudaGetDeviceProperties(&prop, device);
    cudaThreadSynchronize();
    return prop.clockRate + prop.memoryClockRate / prop.multiProcessorCount;
}
"""


@pytest.mark.needs("nvcc")
def test_fields_of_the_device_build_with_cuda_13(tmp_path: Path) -> None:
    root = tree(tmp_path, ext__cu=PROPERTIES)
    assert mend(root, removed_api, replace_removed_cuda, **cuda("13.0")) == []
    assert "cudaDeviceSynchronize();" in (root / "ext.cu").read_text()
    nvcc(root / "ext.cu")


TWO_PLACES = """\
int f(int device, cudaDeviceProp q)
{
    cudaDeviceProp p;
    cudaGetDeviceProperties(&p, device);
    return p.clockRate + q.memoryClockRate;
}
"""
LEFT = {
    "void f() { cudaBindTexture(0, t, p); }": "cudaBindTexture",
    "auto m = cub::FpLimits<float>::Max();": "cub::FpLimits",
    "int f(cudaDeviceProp p) { return p.clockRate; }": "cudaDeviceProp::clockRate",
    TWO_PLACES: "cudaDeviceProp::memoryClockRate",
}


@pytest.mark.parametrize("text", LEFT)
def test_what_has_no_equal_is_left_alone_and_named(text: str, tmp_path: Path) -> None:
    view = t.look(tree(tmp_path, ext__cu=text), **cuda("13.0"))
    (finding,) = t.found(removed_api, view)
    skipped = replace_removed_cuda(finding, view)
    assert isinstance(skipped, Skip)
    assert skipped.reason.startswith(f"no spelling of {LEFT[text]} is known")


def test_plans_for_one_file_agree(tmp_path: Path) -> None:
    text = "uint32_t n;\nauto m = cub::Max();\nvoid f() { cudaThreadExit(); }\n"
    view = t.look(tree(tmp_path, ext__cu=text), **cuda("13.0"), **gcc("13.2.0"))
    plans = [include_header(f, view) for f in t.found(missing_include, view)]
    plans += [replace_removed_cuda(f, view) for f in t.found(removed_api, view)]
    assert len(plans) == 3
    assert len({plan.steps[0].content for plan in plans}) == 1  # type: ignore[union-attr]


KERNEL = """\
#include <cuda_runtime.h>
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include "device_launch_parameters.h"

__global__ void k(int* p, float* q, int n)
{
    unsigned int active = __activemask();
    unsigned int above = __ballot_sync(0xffffffff, p[threadIdx.x] > n);
    float sum = q[threadIdx.x];
    for (int offset = 16; offset > 0; offset >>= 1)
        sum += __shfl_down_sync(0xffffffffu, sum, offset);
    sum = __shfl_sync(active, sum, 0) + __shfl_xor_sync(~0u, sum, 1) + __shfl_up_sync(~0u, sum, 1);
    __syncwarp();
    if (n > 7) __trap();
    __nanosleep(20);
    atomicAdd_block(p, 1);
    atomicMax_block(p, atomicExch_block(p, 3));
    p[threadIdx.x] = above + __any_sync(active, n) + __all_sync(active, n);
    q[threadIdx.x] = sum;
}

void run(int* p, float* q) { k << <(3 + 1) / 2, 64 >> > (p, q, 3); }
"""


def hipified(text: str) -> str:
    """What torch's hipify makes of the includes."""
    runtime, groups = "hip/hip_runtime.h", "hip/hip_cooperative_groups.h"
    text = text.replace("cuda_runtime.h", runtime)
    return text.replace("<cooperative_groups.h>", f"<{groups}>")


@pytest.mark.needs("hip")
@pytest.mark.parametrize("gfx", ["gfx1030", "gfx90a"])
def test_a_kernel_builds_for_both_wave_sizes(gfx: str, tmp_path: Path) -> None:
    root = tree(tmp_path, ext__cu=KERNEL)
    assert mend(root, hip_intrinsics, adapt_to_hip, gfx, **rocm("6.4")) == []
    (root / "ext.hip").write_text(hipified((root / "ext.cu").read_text()))
    flags = ["-x", "hip", f"--offload-arch={gfx}", "--rocm-path=/usr", "-nogpuinc", "-O2"]
    flags = [f for f in flags if f != "-nogpuinc"]
    flags += [f"--rocm-device-lib-path={needs.path('hip')}", "-D__HIP_PLATFORM_AMD__=1"]
    output = ["-std=c++17", "-c", "-o", "/dev/null"]
    command = [needs.path("clang"), *flags, *output, str(root / "ext.hip")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("hip", "triton")
@pytest.mark.parametrize("gfx", ["gfx1030", "gfx90a"])
def test_it_builds_with_the_newest_headers_that_pip_has(gfx: str, tmp_path: Path) -> None:
    """Triton's wheel carries HIP's headers, but not those of cooperative groups."""
    root = tree(tmp_path, ext__cu=KERNEL)
    assert mend(root, hip_intrinsics, adapt_to_hip, gfx, **rocm("7.1", "2.10.0")) == []
    lines = (root / "ext.cu").read_text().splitlines(keepends=True)
    source = "".join(line for line in lines if "cooperative_groups" not in line)
    (root / "ext.hip").write_text(hipified(source))
    triton = importlib.util.find_spec("triton")
    assert triton is not None and triton.origin is not None
    headers = Path(triton.origin).parent / "backends/amd/include"
    flags = ["-x", "hip", f"--offload-arch={gfx}", "--cuda-device-only", "-nogpulib", "-nogpuinc"]
    flags += ["-include", "__clang_hip_runtime_wrapper.h", "-isystem", str(headers)]
    flags += ["-D__HIP_PLATFORM_AMD__=1", "-std=c++17", "-S", "-o", "/dev/null"]
    command = [needs.path("clang"), *flags, str(root / "ext.hip")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.needs("nvcc")
def test_the_same_kernel_still_builds_for_cuda(tmp_path: Path) -> None:
    root = tree(tmp_path, ext__cu=KERNEL)
    assert mend(root, hip_intrinsics, adapt_to_hip, "gfx1101", **rocm("6.4")) == []
    nvcc(root / "ext.cu")


def test_the_compatibility_header_keeps_its_promises() -> None:
    text = hip.COMPAT_TEXT
    assert "__threadfence" not in text  # orders memory, holds no lanes together
    assert "#ifndef __" not in text  # HIP's are functions, not macros
    assert "HIP_VERSION" not in text  # one text for every HIP: tests/tools/test_hip_matrix.py


UNFIT = {
    "warpSize": WARP.replace("{mask}", "~0u").replace("p[0], 1", "p[0], warpSize / 2"),
    "PTX": 'void f() { asm("mov.u32 %0, %laneid;" : "=r"(a)); }',
    "group reduction": "void f() { cooperative_groups::reduce(tile, v, op); }",
    "match": "__global__ void k(int* p) { p[0] = __match_any_sync(~0u, p[1]); }",
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_would_mean_something_else_is_shown(case: str, tmp_path: Path) -> None:
    view = t.look(tree(tmp_path, ext__cu=UNFIT[case]), "gfx942", **rocm("6.4"))
    (finding,) = t.found(hip_intrinsics, view)
    skip = adapt_to_hip(finding, view)
    assert isinstance(skip, Skip), skip
    assert skip.reason


@pytest.mark.parametrize(
    ("launch", "call"),
    [
        ("<<<1, 256>>>", "  cudaMemset(b.keys, 0, static_cast<size_t>(total) * sizeof(*b.keys));"),
        (
            "<<<1, 256, 0, stream>>>",
            "  cudaMemsetAsync(b.keys, 0, static_cast<size_t>(total) * sizeof(*b.keys), stream);",
        ),
    ],
)
def test_outputs_are_cleared_on_the_host(launch: str, call: str, tmp_path: Path) -> None:
    text = (PIPELINE % "if (a < limit) continue;").replace("<<<1, 256>>>", launch)
    root = tree(tmp_path, ext__cu=text)
    view = t.look(root)
    (finding,) = t.found(unwritten_output, view)
    plan = clear_outputs(finding, view)
    assert isinstance(plan, Plan)
    assert plan.safety == "unsafe"
    t.apply(plan)
    lines = (root / "ext.cu").read_text().splitlines()
    at = lines.index(call)
    assert lines[at + 1] == call.replace("b.keys", "b.values")
    assert lines[at + 2].startswith("  fill<<<")
    view = t.look(root)
    assert t.found(unwritten_output, view) == []


LISTS = """\
cmake_minimum_required(VERSION 3.18)
project(ext)
find_package(Torch REQUIRED)
set(CMAKE_CXX_FLAGS [[-D_GLIBCXX_USE_CXX11_ABI=0]])
add_library(ext SHARED src/ext.cpp)
"""
EXT = "#include <string>\n\nstd::string say() { return {}; }\n"


def test_the_abi_header_comes_first_in_each_source(tmp_path: Path) -> None:
    root = t.write(tmp_path, {"CMakeLists.txt": LISTS, "src/ext.cpp": EXT})
    torch = {"torch": b.torch("2.9.0+cpu", cxx11_abi=True)}
    assert mend(root, hard_coded_abi, inject_abi_header, **torch) == []
    assert (root / "src/ext.cpp").read_text() == f'#include "force_abi.h"\n{EXT}'
    lists = (root / "CMakeLists.txt").read_text()
    assert lists.index("add_definitions(-DTORCH_CXX11_ABI=") < lists.index("find_package")


@pytest.mark.needs("g++", "nm")
@pytest.mark.parametrize(
    ("flags", "new"),
    [
        (["-DTORCH_CXX11_ABI=1", "-D_GLIBCXX_USE_CXX11_ABI=0"], True),
        (["-DTORCH_CXX11_ABI=0", "-D_GLIBCXX_USE_CXX11_ABI=1"], False),
        (["-D_GLIBCXX_USE_CXX11_ABI=0"], False),
        ([], True),
    ],
)
def test_the_abi_header_outranks_other_flags(flags: list[str], new: bool, tmp_path: Path) -> None:
    t.write(
        tmp_path, {"force_abi.h": cxx_edits.HEADER_TEXT, "a.cpp": f'#include "force_abi.h"\n{EXT}'}
    )
    command = ["g++", *flags, "-c", "-o", str(tmp_path / "a.o"), str(tmp_path / "a.cpp")]
    subprocess.run(command, check=True, timeout=60)
    symbols = subprocess.run(["nm", tmp_path / "a.o"], capture_output=True, text=True, check=True)
    assert ("_Z3sayB5cxx11v" in symbols.stdout) is new


def test_the_abi_header_is_not_for_nvcc(tmp_path: Path) -> None:
    lists = LISTS.replace("src/ext.cpp", "src/ext.cpp src/k.cu")
    root = t.write(tmp_path, {"CMakeLists.txt": lists, "src/ext.cpp": EXT, "src/k.cu": "int a;\n"})
    view = t.look(root, torch=b.torch("2.9.0+cpu", cxx11_abi=True))
    (finding,) = t.found(hard_coded_abi, view)
    assert isinstance(inject_abi_header(finding, view), Skip)
