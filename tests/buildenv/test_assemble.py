"""The variables of a build, from hand-made facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import builders as b
import pytest

from gpufix.fixes.build_environment.assemble import build_environment
from gpufix.fixes.build_environment.variables import Folder
from gpufix.model import Facts

FOLDER = Folder("/src/rasterizer", "python", gpu_sources=3, host_sources=1)
HOST = Folder("/src/pure", "python", host_sources=2)


def settings(facts: Facts, *gpus: str, folder: Folder | None = FOLDER) -> dict[str, str | None]:
    return build_environment(b.view(facts, *gpus), folder).settings()


def obstacles(facts: Facts, *gpus: str, folder: Folder | None = FOLDER) -> str:
    return "\n".join(build_environment(b.view(facts, *gpus), folder).obstacles)


def test_a_healthy_machine() -> None:
    found = settings(b.healthy())
    assert found == {
        "CMAKE_BUILD_PARALLEL_LEVEL": "16",
        "CUDAARCHS": "89",
        "CUDACXX": "/usr/local/cuda-12.8/bin/nvcc",
        "CUDA_HOME": "/usr/local/cuda-12.8",
        "MAX_JOBS": "16",
        "TORCH_CUDA_ARCH_LIST": "8.9+PTX",
    }
    assert obstacles(b.healthy()) == ""


def test_every_variable_has_a_reason_and_one_place() -> None:
    found = build_environment(b.view(b.healthy(), "sm_120"), FOLDER).variables
    assert all(variable.reason for variable in found)
    assert [v.name for v in found] == sorted({v.name for v in found})


ARCHS = {
    "one": (["sm_120"], "12.0+PTX", "120"),
    "several": (["sm_120", "sm_86"], "8.6;12.0+PTX", "120;86"),
    "exact": (["sm_90a"], "9.0a", "90a"),
}


@pytest.mark.parametrize("case", ARCHS)
def test_architectures(case: str) -> None:
    gpus, torch, cmake = ARCHS[case]
    found = settings(b.healthy(), *gpus)
    assert found["TORCH_CUDA_ARCH_LIST"] == torch
    assert set(str(found["CUDAARCHS"]).split(";")) == set(cmake.split(";"))


def test_rocm() -> None:
    found = settings(b.healthy_amd(), "gfx1101")
    assert found["PYTORCH_ROCM_ARCH"] == "gfx1101"
    assert found["ROCM_HOME"] == "/opt/rocm"
    assert not found.keys() & {"TORCH_CUDA_ARCH_LIST", "CUDA_HOME", "CUDAARCHS"}


FORCED = {
    "a GPU is visible": (b.healthy(), ["sm_120"], False),
    "none is": (b.healthy(gpus=[]), ["sm_120"], True),
    "none is, ROCm": (b.healthy_amd(gpus=[]), ["gfx1101"], True),
    "a CPU torch cannot": (b.healthy(gpus=[], torch=b.torch("2.9.0+cpu")), ["sm_120"], False),
}


@pytest.mark.parametrize("case", FORCED)
def test_force_cuda(case: str) -> None:
    facts, gpus, wanted = FORCED[case]
    assert ("FORCE_CUDA" in settings(facts, *gpus)) is wanted


def test_host_code_needs_no_toolkit() -> None:
    facts = b.healthy(toolkits=[], torch=b.torch("2.9.0+cpu"))
    assert "CUDA_HOME" not in settings(facts, folder=HOST)
    assert obstacles(facts, folder=HOST) == ""
    assert obstacles(b.healthy(toolkits=[]), folder=HOST) == ""


def test_a_fitting_toolkit_is_chosen() -> None:
    other = b.toolkit("13.0", selected=True)
    fits = b.toolkit("12.8", root="/opt/cuda-12.8", origin="/opt", selected=False)
    found = settings(b.healthy(toolkits=[other, fits]))
    assert found["CUDA_HOME"] == "/opt/cuda-12.8"
    assert found["CUDACXX"] == "/opt/cuda-12.8/bin/nvcc"


def test_without_torch_any_toolkit_that_serves() -> None:
    old = b.toolkit("12.6", selected=False)
    new = b.toolkit("13.0", selected=False)
    found = settings(b.facts(toolkits=[old, new]), "sm_120")
    assert found["CUDA_HOME"] == "/usr/local/cuda-13.0"


def test_a_wrapper_on_path_is_seen_through() -> None:
    wrapped = b.toolkit(
        "12.8",
        root="/usr/local",
        origin="PATH",
        wrapper="/usr/local/bin/nvcc",
        compiler="/usr/local/cuda-12.8/bin/nvcc",
    )
    assert settings(b.healthy(toolkits=[wrapped]))["CUDA_HOME"] == "/usr/local/cuda-12.8"


def test_a_wrapper_hides_no_headers() -> None:
    real = b.toolkit("12.8", missing_headers=["cusparse.h"], selected=False)
    wrapped = b.toolkit(
        "12.8",
        root="/usr/local",
        origin="PATH",
        wrapper="/usr/local/bin/nvcc",
        compiler=real.compiler,
        missing_headers=["cuda.h", "cusparse.h"],
    )
    dists = [*b.healthy().distributions, b.dist("nvidia-cusparse-cu12", "12.5.8.93")]
    found = settings(b.healthy(toolkits=[wrapped, real], distributions=dists))
    assert found["CUDA_HOME"] == real.root
    assert found["CPATH"] == f"/usr/local/cuda-12.8/include:{b.SITE}/nvidia/cusparse/include"


def test_wheels_bring_their_libraries() -> None:
    root = f"{b.SITE}/nvidia/cu13"
    kit = b.toolkit("13.0", root=root, origin="wheel", compiler=f"{root}/bin/nvcc")
    process = b.environment(LIBRARY_PATH="/opt/lib")
    facts = b.healthy(torch=b.torch("2.11.0+cu130"), toolkits=[kit], environment=process)
    assert settings(facts)["LIBRARY_PATH"] == f"{root}/lib:/opt/lib"


def test_headers_in_wheels() -> None:
    kit = b.toolkit("12.8", missing_headers=["cusparse.h"])
    dists = [*b.healthy().distributions, b.dist("nvidia-cusparse-cu12", "12.5.8.93")]
    found = settings(b.healthy(toolkits=[kit], distributions=dists))
    assert found["CPATH"] == f"/usr/local/cuda-12.8/include:{b.SITE}/nvidia/cusparse/include"


def test_headers_in_wheels_of_cuda_13() -> None:
    """These wheels are numbered by themselves: cuSPARSE 12.6 is CUDA 13's."""
    kit = b.toolkit("13.0", missing_headers=["cublas_v2.h", "cusparse.h", "cusolverDn.h"])
    rows = {"cublas": "13.1.0.3", "cusparse": "12.6.3.3", "cusolver": "12.0.4.66"}
    dists = [b.dist(f"nvidia-{name}", version) for name, version in rows.items()]
    dists += [b.dist("nvidia-cuda-runtime", "13.0.96"), *b.healthy().distributions]
    facts = b.healthy(torch=b.torch("2.11.0+cu130"), toolkits=[kit], distributions=dists)
    own = "/usr/local/cuda-13.0/include"
    assert settings(facts)["CPATH"] == f"{own}:{own}/cccl:{b.SITE}/nvidia/cu13/include"


@pytest.mark.parametrize(
    ("backend", "text", "set_"),
    [
        ("cmake", "project(x LANGUAGES CXX CUDA)", True),
        ("cmake, then python", "find_package(CUDAToolkit)", True),
        ("cmake", "project(x LANGUAGES CXX)", False),
        ("python", "CUDAExtension", False),  # cpp_extension has them in its own flags
    ],
)
def test_host_sources_of_cmake_find_the_toolkits_headers(
    backend: Any, text: str, set_: bool
) -> None:
    found = settings(b.healthy(), folder=Folder("/src/x", backend, gpu_sources=0, text=text))
    assert found.get("CPATH") == ("/usr/local/cuda-12.8/include" if set_ else None)
    assert ("CUDACXX" in found) == set_


def test_host_compiler() -> None:
    tools = [b.tool("g++", "15.1.0"), b.tool("gcc", "15.1.0"), b.tool("g++-14", "14.2.0")]
    tools += [b.tool("gcc-14", "14.2.0"), b.tool("ninja")]
    found = settings(b.healthy(tools=tools))
    assert (found["CXX"], found["CC"]) == ("/usr/bin/g++-14", "/usr/bin/gcc-14")


OBSTACLES: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "no nvcc": ({"toolkits": []}, ["sm_120"], "nvcc"),
    "nvcc too old": ({"toolkits": [b.toolkit("12.6")]}, ["sm_120"], "sm_120"),
    "no target": ({"gpus": []}, [], "no GPU is visible and none is named"),
    "torch too old for the target": ({"torch": b.torch("2.1.0+cu121")}, ["sm_120"], "12.0"),
    "no compiler": ({"tools": [b.tool("ninja")]}, [], "C++ compiler"),
}


@pytest.mark.parametrize("case", OBSTACLES)
def test_obstacles(case: str) -> None:
    sections, gpus, text = OBSTACLES[case]
    assert text in obstacles(b.healthy(**sections), *gpus)


CMAKE = Folder("/src/tetra", "cmake", gpu_sources=1, text="cmake_minimum_required()")


@pytest.mark.parametrize("before", [None, "/opt/x", f"{b.SITE}/torch/share/cmake:/opt/x"])
def test_cmake_finds_torch_and_the_value_does_not_grow(before: str | None) -> None:
    process = b.environment(**({"CMAKE_PREFIX_PATH": before} if before else {}))
    found = settings(b.healthy(environment=process), folder=CMAKE)["CMAKE_PREFIX_PATH"]
    assert found == f"{b.SITE}/torch/share/cmake" + (":/opt/x" if before else "")


def test_applied_twice_nothing_changes() -> None:
    kit = b.toolkit("12.8", missing_headers=["cusparse.h"])
    dists = [*b.healthy().distributions, b.dist("nvidia-cusparse-cu12", "12.5.8.93")]
    facts = b.healthy(toolkits=[kit], distributions=dists)
    once = settings(facts, folder=CMAKE)
    again = replace(facts.environment, overlay=once)
    twice = settings(replace(facts, environment=again), folder=CMAKE)
    assert {**once, **twice} == once
