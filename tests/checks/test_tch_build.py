"""TCH202 to TCH210: what a build of the project would use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.checks.toolchain.tch202_toolkit_major_mismatch import toolkit_major_mismatch
from gpufix.checks.toolchain.tch203_toolkit_minor_mismatch import toolkit_minor_mismatch
from gpufix.checks.toolchain.tch204_toolkit_missing import toolkit_missing
from gpufix.checks.toolchain.tch205_host_compiler_unsupported import host_compiler_unsupported
from gpufix.checks.toolchain.tch206_nvcc_lacks_target import nvcc_lacks_target
from gpufix.checks.toolchain.tch207_build_tools_missing import build_tools_missing
from gpufix.checks.toolchain.tch208_build_will_exhaust_memory import build_will_exhaust_memory
from gpufix.checks.toolchain.tch209_rocm_version_mismatch import rocm_version_mismatch
from gpufix.checks.toolchain.tch210_arch_list_misses_target import arch_list_misses_target
from gpufix.model import Environment, Facts, Gap

RULES = [
    toolkit_major_mismatch,
    toolkit_minor_mismatch,
    toolkit_missing,
    host_compiler_unsupported,
    nvcc_lacks_target,
    build_tools_missing,
    build_will_exhaust_memory,
    rocm_version_mismatch,
    arch_list_misses_target,
]


def said(facts: Facts, *named: str) -> dict[str, str]:
    found = [f for check in RULES for f in b.run(check, facts, *named)]
    return {f.code: f.severity.value for f in found}


def env(**process: str) -> Facts:
    return b.healthy(environment=b.environment(**process))


def sources(count: int | None) -> b.Project:
    return b.project(cuda_sources=count)


def without(*names: str) -> list[b.Tool]:
    return [t for t in b.build_tools() if t.name not in names]


BARE = b.facts(gpus=[b.gpu()], drivers=[b.driver()], torch=b.torch(), tools=[], toolkits=[])
BLACKWELL = [b.gpu("sm_120")]
WHEEL = "/env/lib/python3.11/site-packages/nvidia/cu13"

SILENT = {
    "healthy": (b.healthy(), ()),
    "healthy AMD": (b.healthy_amd(), ()),
    "nothing to build, nothing to build with": (BARE, ()),
    "a project without extensions": (
        replace(BARE, project=b.project(builds=False)),
        (),
    ),
    "CPU torch": (b.healthy(torch=b.torch("2.13.0+cpu"), toolkits=[]), ()),
    "a toolkit of unknown version": (b.healthy(toolkits=[b.toolkit(None)]), ()),
    "the environment file names a matching toolkit": (
        b.healthy(
            toolkits=[b.toolkit("13.0"), b.toolkit("12.8", selected=False)],
            environment=Environment(overlay={"CUDA_HOME": "/usr/local/cuda-12.8"}),
        ),
        (),
    ),
    "toolkits could not be looked for": (
        b.healthy(toolkits=[], gaps=[Gap(section="toolkits", subject="toolkits", reason="crash")]),
        (),
    ),
    "headers come through CPATH": (
        b.healthy(
            toolkits=[b.toolkit(missing_headers=["cusparse.h"])],
            environment=b.environment(
                CPATH="/env/lib/python3.11/site-packages/nvidia/cusparse/include"
            ),
        ),
        (),
    ),
    "a newer gcc that a flag allows": (
        b.healthy(
            tools=[*without("g++"), b.tool("g++", "15.1.0")],
            environment=b.environment(NVCC_PREPEND_FLAGS="-allow-unsupported-compiler"),
        ),
        (),
    ),
    "CC names an older gcc": (
        b.healthy(
            tools=[*without("g++"), b.tool("g++", "15.1.0"), b.tool("gcc-13", "13")],
            environment=b.environment(CC="/usr/bin/gcc-13"),
        ),
        (),
    ),
    "CC names something that was not looked at": (
        b.healthy(
            tools=[*without("g++"), b.tool("g++", "15.1.0")],
            environment=b.environment(CC="/opt/mine/gcc"),
        ),
        (),
    ),
    "an old nvcc that is asked for PTX": (
        b.healthy(
            gpus=BLACKWELL,
            toolkits=[b.toolkit("12.6")],
            environment=b.environment(TORCH_CUDA_ARCH_LIST="8.0;9.0+PTX"),
            torch=b.torch("2.9.0+cu126"),
        ),
        (),
    ),
    "Thor is compute_101 to CUDA 12.8": (b.healthy(), ("sm_110",)),
    "ninja as a package": (b.healthy(tools=without("ninja")), ()),
    "wheel is part of new setuptools": (
        b.healthy(distributions=[b.dist("setuptools", "80.0"), b.dist("ninja")]),
        (),
    ),
    "tools could not be looked for": (
        b.healthy(tools=[], gaps=[Gap(section="tools", subject="tools", reason="crash")]),
        (),
    ),
    "few sources": (b.healthy(host=b.host(memory=8 << 30), project=sources(2)), ()),
    "number of sources not known": (b.healthy(host=b.host(memory=8 << 30)), ()),
    "MAX_JOBS is set": (
        b.healthy(
            host=b.host(memory=8 << 30),
            project=sources(40),
            environment=b.environment(MAX_JOBS="2"),
        ),
        (),
    ),
    "no ROCm version": (b.healthy_amd(toolkits=[b.rocm(None)]), ()),
    "arch list": (env(TORCH_CUDA_ARCH_LIST="8.0 8.6+PTX"), ()),
    "arch list by name": (env(TORCH_CUDA_ARCH_LIST="Ampere;Ada"), ()),
    "native": (env(TORCH_CUDA_ARCH_LIST="native"), ()),
    "PTX compiles forward": (env(TORCH_CUDA_ARCH_LIST="7.0+PTX"), ("sm_70", "sm_120")),
    "CUDAARCHS without CMake": (env(CUDAARCHS="61"), ()),
    "ROCm arch list": (
        b.healthy_amd(environment=b.environment(PYTORCH_ROCM_ARCH="gfx90a;gfx1100")),
        (),
    ),
    "the CUDA list means nothing to ROCm": (
        b.healthy_amd(environment=b.environment(TORCH_CUDA_ARCH_LIST="6.0")),
        (),
    ),
    "unset where a GPU is visible": (b.healthy(), ("sm_120",)),
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    facts, named = SILENT[case]
    assert said(facts, *named) == {}


FIRING = {
    "other major": (
        b.healthy(toolkits=[b.toolkit("13.0")]),
        (),
        {"TCH202": "error"},
    ),
    "other minor": (b.healthy(toolkits=[b.toolkit("12.9")]), (), {"TCH203": "advice"}),
    "no toolkit": (b.healthy(toolkits=[]), (), {"TCH204": "error"}),
    "CUDA_HOME is wrong": (
        b.healthy(
            toolkits=[
                b.toolkit(root="/opt/cuda", compiler=None, origin="CUDA_HOME"),
                b.toolkit(selected=False),
            ],
            environment=b.environment(CUDA_HOME="/opt/cuda"),
        ),
        (),
        {"TCH204": "error"},
    ),
    "no hipcc": (b.healthy_amd(toolkits=[]), (), {"TCH204": "error"}),
    "run-time pieces of ROCm": (
        b.healthy_amd(toolkits=[b.rocm(compiler=None)]),
        (),
        {"TCH204": "error"},
    ),
    "headers missing": (
        b.healthy(toolkits=[b.toolkit(missing_headers=["cusparse.h", "cublas_v2.h"])]),
        (),
        {"TCH204": "warning"},
    ),
    "gcc too new": (
        b.healthy(tools=[*without("g++"), b.tool("g++", "15.1.0")]),
        (),
        {"TCH205": "error"},
    ),
    "gcc too old for torch": (
        b.healthy(tools=[*without("g++"), b.tool("g++", "8.5.0")]),
        (),
        {"TCH205": "error"},
    ),
    "torch's own table": (
        b.healthy(
            torch=b.torch("2.11.0+cu128"),
            tools=[*without("g++"), b.tool("g++", "14.2.0")],
        ),
        (),
        {"TCH205": "error"},
    ),
    "nvcc too old": (
        b.healthy(torch=b.torch("2.9.0+cu126"), toolkits=[b.toolkit("12.6")], gpus=BLACKWELL),
        (),
        {"TCH206": "error"},
    ),
    "nvcc dropped it": (
        b.healthy(torch=b.torch("2.9.0+cu130"), toolkits=[b.toolkit("13.0")]),
        ("sm_70",),
        {"TCH206": "error"},
    ),
    "nvcc serves one of two": (
        b.healthy(torch=b.torch("2.9.0+cu126"), toolkits=[b.toolkit("12.6")]),
        ("sm_89", "sm_120"),
        {"TCH206": "warning"},
    ),
    "no compiler": (b.healthy(tools=without("gcc", "g++")), (), {"TCH207": "error"}),
    "no headers of Python": (
        b.healthy(python=b.python(has_headers=False)),
        (),
        {"TCH207": "error"},
    ),
    "no ninja": (
        b.healthy(
            tools=without("ninja"), distributions=[b.dist("setuptools", "80.0"), b.dist("wheel")]
        ),
        (),
        {"TCH207": "warning"},
    ),
    "no cmake": (
        b.healthy(tools=without("cmake"), project=b.project(markers=["CMakeLists.txt"])),
        (),
        {"TCH207": "warning"},
    ),
    "no setuptools": (b.healthy(distributions=[b.dist("ninja")]), (), {"TCH207": "warning"}),
    "old setuptools without wheel": (
        b.healthy(distributions=[b.dist("ninja"), b.dist("setuptools", "69.5.1")]),
        (),
        {"TCH207": "warning"},
    ),
    "too many jobs": (
        b.healthy(host=b.host(memory=16 << 30), project=sources(40)),
        (),
        {"TCH208": "warning"},
    ),
    "another ROCm major": (
        b.healthy_amd(toolkits=[b.rocm("7.0.2")]),
        (),
        {"TCH209": "warning"},
    ),
    "another ROCm minor": (b.healthy_amd(toolkits=[b.rocm("6.2.4")]), (), {"TCH209": "advice"}),
    "arch list misses": (env(TORCH_CUDA_ARCH_LIST="8.6;9.0"), ("sm_120",), {"TCH210": "error"}),
    "arch list misses one": (
        env(TORCH_CUDA_ARCH_LIST="8.6;9.0"),
        ("sm_89", "sm_120"),
        {"TCH210": "warning"},
    ),
    "a comma": (env(TORCH_CUDA_ARCH_LIST="8.6,8.9"), (), {"TCH210": "error"}),
    "torch 2.6 knows no 12.0": (
        b.healthy(
            torch=b.torch("2.6.0+cu124"),
            toolkits=[b.toolkit("12.4")],
            environment=b.environment(TORCH_CUDA_ARCH_LIST="12.0"),
        ),
        ("sm_89",),
        {"TCH210": "error"},
    ),
    "native before 2.9": (
        b.healthy(
            torch=b.torch("2.8.0+cu128"), environment=b.environment(TORCH_CUDA_ARCH_LIST="native")
        ),
        (),
        {"TCH210": "error"},
    ),
    "CUDAARCHS": (
        b.healthy(
            project=b.project(markers=["CMakeLists.txt"]),
            environment=b.environment(CUDAARCHS="86-real;90-virtual"),
        ),
        ("sm_75",),
        {"TCH210": "error"},
    ),
    "ROCm arch list misses": (
        b.healthy_amd(environment=b.environment(PYTORCH_ROCM_ARCH="gfx90a gfx942")),
        (),
        {"TCH210": "error"},
    ),
    "unset where no GPU is visible": (b.healthy(gpus=[]), ("sm_89",), {"TCH210": "warning"}),
}


@pytest.mark.parametrize("case", FIRING)
def test_firing(case: str) -> None:
    facts, named, expected = FIRING[case]
    assert said(facts, *named) == expected


def one(check: object, case: str) -> str:
    facts, named, _ = FIRING[case]
    (finding,) = b.run(check, facts, *named)
    return finding.message


def test_messages() -> None:
    assert one(toolkit_major_mismatch, "other major") == (
        "A build would use CUDA 13.0 in /usr/local/cuda-13.0 (from /usr/local); torch 2.9.0+cu128 "
        "is built for CUDA 12.8, and cpp_extension refuses another major version."
    )
    assert one(toolkit_missing, "CUDA_HOME is wrong") == (
        "CUDA_HOME is /opt/cuda, which holds no nvcc; CUDA 12.8 in /usr/local/cuda-12.8 "
        "(from /usr/local) does."
    )
    assert one(nvcc_lacks_target, "nvcc too old") == (
        "CUDA 12.6 in /usr/local/cuda-12.6 (from /usr/local) generates no code for sm_120, "
        "which needs CUDA 12.8."
    )
    assert one(arch_list_misses_target, "arch list misses") == (
        'TORCH_CUDA_ARCH_LIST is "8.6;9.0", whose code does not run on sm_120.'
    )


def test_profile_line_is_named() -> None:
    line = "~/.bashrc:142: export TORCH_CUDA_ARCH_LIST=6.0"
    environment = Environment(
        process={"TORCH_CUDA_ARCH_LIST": "6.0"}, profile={"TORCH_CUDA_ARCH_LIST": [line]}
    )
    (finding,) = b.run(arch_list_misses_target, b.healthy(environment=environment))
    assert line in finding.evidence[0].text


@pytest.mark.parametrize(
    ("files", "unset"),
    [
        ({"tool/setup.py": "import setuptools\nsetuptools.setup(name='t')\n", "k.cu": ""}, False),
        ({"sub/ext/setup.py": t.setup()}, True),
    ],
)
def test_extensions_below_the_root(
    tmp_path: Path, files: dict[str, str | bytes], unset: bool
) -> None:
    view = t.look(t.write(tmp_path, files), "sm_89")
    assert bool(t.found(arch_list_misses_target, view)) == unset


def test_newer_ptx_than_the_driver_reads() -> None:
    facts = b.healthy(toolkits=[b.toolkit("12.9")], drivers=[b.driver("570.86.15", "12.8")])
    (finding,) = b.run(toolkit_minor_mismatch, facts)
    assert "compiles no PTX of version 8.8" in finding.message


def test_one_cause_one_primary_finding() -> None:
    """An old toolkit of another major explains that it lacks the target."""
    facts = b.healthy(torch=b.torch("2.13.0+cu130"), gpus=BLACKWELL, toolkits=[b.toolkit("12.6")])
    (major,), (lacks,) = b.run(toolkit_major_mismatch, facts), b.run(nvcc_lacks_target, facts)
    assert set(lacks.needs) & set(major.breaks)
