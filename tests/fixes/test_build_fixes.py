"""Fixes of what a build uses: toolkits, compilers, jobs, arch lists, tools."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.toolchain.tch202_toolkit_major_mismatch import toolkit_major_mismatch
from gpufix.checks.toolchain.tch204_toolkit_missing import toolkit_missing
from gpufix.checks.toolchain.tch205_host_compiler_unsupported import host_compiler_unsupported
from gpufix.checks.toolchain.tch206_nvcc_lacks_target import nvcc_lacks_target
from gpufix.checks.toolchain.tch207_build_tools_missing import build_tools_missing
from gpufix.checks.toolchain.tch208_build_will_exhaust_memory import build_will_exhaust_memory
from gpufix.checks.toolchain.tch210_arch_list_misses_target import arch_list_misses_target
from gpufix.fixes.own_environment import elsewhere
from gpufix.fixes.toolchain.choose_host_compiler import choose_host_compiler
from gpufix.fixes.toolchain.install_build_tools import install_build_tools
from gpufix.fixes.toolchain.install_toolkit_wheels import install_toolkit_wheels
from gpufix.fixes.toolchain.point_cuda_home import point_cuda_home
from gpufix.fixes.toolchain.set_arch_list import set_arch_list
from gpufix.fixes.toolchain.set_cpath import set_cpath
from gpufix.fixes.toolchain.set_max_jobs import set_max_jobs
from gpufix.model import Environment, Facts, Plan, SetVariables, Skip


def offer(fix: object, check: object, facts: Facts, *named: str) -> Plan | Skip | None:
    return fix(b.run(check, facts, *named)[0], b.view(facts, *named))


def variables(plan: Plan | Skip | None, safety: str = "safe") -> dict[str, str | None]:
    assert isinstance(plan, Plan) and plan.safety == safety, plan
    last = plan.steps[-1]
    assert isinstance(last, SetVariables)
    return last.variables


def after(facts: Facts, overlay: dict[str, str | None]) -> Facts:
    """The facts once the environment file holds the plan's variables."""
    environment = replace(facts.environment, overlay=overlay)
    return replace(facts, environment=environment)


WRONG = b.toolkit("13.0", root="/usr/local/cuda")
HERE = [b.toolkit("12.4", selected=False), b.toolkit("12.9", selected=False)]


def test_point_cuda_home_heals() -> None:
    facts = b.healthy(toolkits=[WRONG, *HERE])
    chosen = variables(offer(point_cuda_home, toolkit_major_mismatch, facts))
    assert chosen == {"CUDA_HOME": "/usr/local/cuda-12.9"}
    assert b.run(toolkit_major_mismatch, after(facts, chosen)) == []


def test_point_cuda_home_asks_for_the_target() -> None:
    facts = b.healthy(gpus=[b.gpu("sm_120")], toolkits=[b.toolkit("12.6"), *HERE])
    chosen = variables(offer(point_cuda_home, nvcc_lacks_target, facts))
    assert chosen == {"CUDA_HOME": "/usr/local/cuda-12.9"}
    assert b.run(nvcc_lacks_target, after(facts, chosen)) == []


def test_point_cuda_home_has_nothing() -> None:
    skip = offer(point_cuda_home, toolkit_missing, b.healthy(toolkits=[]))
    assert isinstance(skip, Skip) and "no CUDA 12 toolkit here" in skip.reason


def test_toolkit_wheels_of_cuda_13() -> None:
    facts = b.healthy(torch=b.torch("2.13.0+cu130"), toolkits=[b.toolkit("12.8")])
    plan = offer(install_toolkit_wheels, toolkit_major_mismatch, facts)
    root = f"{b.SITE}/nvidia/cu13"
    assert variables(plan, "unsafe") == {
        "CUDA_HOME": root,
        "LIBRARY_PATH": f"{root}/lib",
        "CPATH": f"{root}/include/cccl",
    }
    install, link, _ = plan.steps
    assert install.install[0].startswith("cuda-toolkit[") and "nvcc" in install.install[0]
    assert install.install[0].endswith("==13.0.2") and install.dependencies
    assert link.path == f"{root}/lib/libcudart.so" and "libcudart.so.13" in link.content


def test_toolkit_wheels_keep_torchs_own_pin() -> None:
    distributions = [*b.healthy().distributions, b.dist("cuda-toolkit", "13.0.3")]
    facts = b.healthy(torch=b.torch("2.13.0+cu130"), toolkits=[], distributions=distributions)
    plan = offer(install_toolkit_wheels, toolkit_missing, facts)
    assert isinstance(plan, Plan) and plan.steps[0].install[0].endswith("==13.0.3")


def test_older_wheels_bring_no_nvcc() -> None:
    skip = offer(install_toolkit_wheels, toolkit_missing, b.healthy(toolkits=[]))
    assert isinstance(skip, Skip) and "no nvcc" in skip.reason


def test_headers_from_wheels() -> None:
    distributions = [*b.healthy().distributions, b.dist("nvidia-cusparse-cu12", "12.5.8.93")]
    facts = b.healthy(
        toolkits=[b.toolkit(missing_headers=["cusparse.h"])], distributions=distributions
    )
    chosen = variables(offer(set_cpath, toolkit_missing, facts))
    assert chosen == {"CPATH": f"{REAL}/include:{b.SITE}/nvidia/cusparse/include"}
    assert b.run(toolkit_missing, after(facts, chosen)) == []
    without = b.healthy(toolkits=[b.toolkit(missing_headers=["cusparse.h"])])
    assert isinstance(offer(set_cpath, toolkit_missing, without), Skip)
    assert offer(point_cuda_home, toolkit_missing, without) is None


REAL = "/usr/local/cuda-12.8"
WRAPPER = {
    "root": "/usr/local",
    "compiler": f"{REAL}/bin/nvcc",
    "wrapper": "/usr/local/bin/nvcc",
    "missing_headers": ["cuda.h", "cusparse.h"],
}


def behind_wrapper(missing: list[str]) -> Facts:
    """An nvcc on PATH that only calls another; the headers lie beside the real one, or not."""
    real = b.toolkit(selected=False, missing_headers=missing)
    distributions = [*b.healthy().distributions, b.dist("nvidia-cusparse-cu12", "12.5.8.93")]
    return b.healthy(toolkits=[b.toolkit(**WRAPPER), real], distributions=distributions)


def test_headers_beside_the_real_nvcc() -> None:
    facts = behind_wrapper([])
    chosen = variables(offer(set_cpath, toolkit_missing, facts))
    assert chosen == {"CUDA_HOME": REAL}
    assert b.run(toolkit_missing, after(facts, chosen)) == []


def test_headers_beside_the_real_nvcc_and_in_wheels() -> None:
    facts = behind_wrapper(["cusparse.h"])
    chosen = variables(offer(set_cpath, toolkit_missing, facts))
    path = f"{REAL}/include:{b.SITE}/nvidia/cusparse/include"
    assert chosen == {"CUDA_HOME": REAL, "CPATH": path}
    assert b.run(toolkit_missing, after(facts, chosen)) == []
    nowhere = behind_wrapper(["cuda.h"])
    assert isinstance(offer(set_cpath, toolkit_missing, nowhere), Skip)


NEW = [b.tool("gcc", "15.1.0"), b.tool("g++", "15.1.0")]
OLDER = [b.tool("gcc-13", "13"), b.tool("g++-13", "13"), b.tool("g++-11", "11")]


def test_choose_host_compiler_heals() -> None:
    facts = b.healthy(tools=[*NEW, *OLDER])
    chosen = variables(offer(choose_host_compiler, host_compiler_unsupported, facts))
    assert chosen == {
        "CC": "/usr/bin/gcc-13",
        "CXX": "/usr/bin/g++-13",
        "CUDAHOSTCXX": "/usr/bin/g++-13",
    }
    assert b.run(host_compiler_unsupported, after(facts, chosen)) == []


def test_choose_host_compiler_without_its_c_half() -> None:
    facts = b.healthy(tools=[*NEW, b.tool("g++-11", "11")])
    chosen = variables(offer(choose_host_compiler, host_compiler_unsupported, facts))
    assert chosen["CC"] is None and chosen["NVCC_PREPEND_FLAGS"] == "-ccbin /usr/bin/g++-11"
    assert b.run(host_compiler_unsupported, after(facts, chosen)) == []


def test_choose_host_compiler_rewrites_ccbin() -> None:
    facts = b.healthy(
        tools=[*NEW, *OLDER],
        environment=b.environment(NVCC_APPEND_FLAGS="-ccbin /usr/bin/g++ -O2"),
    )
    chosen = variables(offer(choose_host_compiler, host_compiler_unsupported, facts))
    assert chosen["NVCC_APPEND_FLAGS"] == "-ccbin /usr/bin/g++-13 -O2"
    assert b.run(host_compiler_unsupported, after(facts, chosen)) == []


def test_no_host_compiler_fits() -> None:
    plan = offer(choose_host_compiler, host_compiler_unsupported, b.healthy(tools=NEW))
    assert isinstance(plan, Plan) and plan.safety == "manual"
    assert plan.steps[0].command == "sudo apt-get install g++-14"


def test_max_jobs_heals() -> None:
    facts = b.healthy(host=b.host(memory=16 << 30), project=b.project(cuda_sources=40))
    chosen = variables(offer(set_max_jobs, build_will_exhaust_memory, facts))
    assert chosen == {"MAX_JOBS": "5"}
    assert b.run(build_will_exhaust_memory, after(facts, chosen)) == []


ARCH_LISTS = {
    "misses": (b.environment(TORCH_CUDA_ARCH_LIST="8.6"), ("sm_120",), "12.0+PTX"),
    "several": (b.environment(TORCH_CUDA_ARCH_LIST="7.0"), ("sm_120", "sm_89"), "8.9;12.0+PTX"),
    "exact": (b.environment(TORCH_CUDA_ARCH_LIST="7.0"), ("sm_90a",), "9.0a"),
}


@pytest.mark.parametrize("case", ARCH_LISTS)
def test_arch_list_heals(case: str) -> None:
    environment, named, value = ARCH_LISTS[case]
    facts = b.healthy(environment=environment)
    chosen = variables(offer(set_arch_list, arch_list_misses_target, facts, *named))
    assert chosen == {"TORCH_CUDA_ARCH_LIST": value}
    assert b.run(arch_list_misses_target, after(facts, chosen), *named) == []


def test_arch_list_of_rocm_and_cmake() -> None:
    facts = b.healthy_amd(environment=b.environment(PYTORCH_ROCM_ARCH="gfx90a"))
    chosen = variables(offer(set_arch_list, arch_list_misses_target, facts))
    assert chosen == {"PYTORCH_ROCM_ARCH": "gfx1100"}
    facts = b.healthy(
        project=b.project(markers=["CMakeLists.txt"]),
        environment=b.environment(CUDAARCHS="90-real"),
    )
    assert variables(offer(set_arch_list, arch_list_misses_target, facts)) == {"CUDAARCHS": "89"}


def test_arch_list_that_torch_cannot_be_told() -> None:
    facts = b.healthy(
        torch=b.torch("2.5.1+cu124"), environment=b.environment(TORCH_CUDA_ARCH_LIST="8.6")
    )
    skip = offer(set_arch_list, arch_list_misses_target, facts, "sm_120")
    assert isinstance(skip, Skip) and "does not know 12.0" in skip.reason


def test_arch_list_unreadable_without_a_target_is_unset() -> None:
    line = "~/.bashrc:3: export TORCH_CUDA_ARCH_LIST=8,9"
    environment = Environment(
        process={"TORCH_CUDA_ARCH_LIST": "8,9"}, profile={"TORCH_CUDA_ARCH_LIST": [line]}
    )
    plan = offer(
        set_arch_list, arch_list_misses_target, b.healthy(gpus=[], environment=environment)
    )
    assert variables(plan) == {"TORCH_CUDA_ARCH_LIST": None}
    assert line in plan.notes[0]


TOOLS = {
    "ninja": (
        {"tools": b.build_tools()[:2], "distributions": [b.dist("setuptools", "80")]},
        "unsafe",
    ),
    "g++": ({"tools": b.build_tools()[2:]}, "manual"),
    "Python.h": ({"python": b.python(has_headers=False)}, "manual"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_tools(tool: str) -> None:
    sections, safety = TOOLS[tool]
    plan = offer(install_build_tools, build_tools_missing, b.healthy(**sections))
    assert isinstance(plan, Plan) and (plan.subjects, plan.safety) == ([tool], safety)


def test_tools_of_a_managed_python() -> None:
    marker = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
    facts = b.healthy(python=b.python(externally_managed=marker), distributions=[b.dist("ninja")])
    plan = offer(install_build_tools, build_tools_missing, facts)
    assert isinstance(plan, Plan)
    apart = elsewhere(plan, facts)
    assert apart.safety == "manual" and marker in str(apart.steps[0])
