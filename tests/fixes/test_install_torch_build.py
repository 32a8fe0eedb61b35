"""Which torch build is offered: the smallest change that serves targets, driver and Python."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.checks.gpu.gpu101_torch_lacks_target import torch_lacks_target
from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.gpu.gpu107_gfx_unsupported import gfx_unsupported
from gpufix.checks.toolchain.tch201_torch_variant_mismatch import torch_variant_mismatch
from gpufix.checks.toolchain.tch209_rocm_version_mismatch import rocm_version_mismatch
from gpufix.fixes.gpu.install_torch_build import install_torch_build
from gpufix.model import Facts, Install, Plan, Skip

BLACKWELL = [b.gpu("sm_120")]
MAC = b.host(os="Darwin", machine="arm64", libc=None, libc_version=None)


def dists(*pairs: tuple[str, str]) -> list[b.Distribution]:
    return [b.dist(name, version) for name, version in pairs]


def offer(check: object, facts: Facts, *named: str) -> Plan | Skip:
    findings = b.run(check, facts, *named)
    offered = install_torch_build(findings[0], b.view(facts, *named))
    assert isinstance(offered, (Plan, Skip))
    return offered


def step(plan: Plan | Skip) -> Install:
    assert isinstance(plan, Plan), plan
    (only,) = plan.steps
    assert isinstance(only, Install) and plan.safety == "unsafe" and only.dependencies
    return only


CASES = {
    "same release, other CUDA": (
        torch_lacks_target,
        b.healthy(torch=b.torch("2.9.0+cu126"), gpus=BLACKWELL),
        (),
        ["torch==2.9.0+cu128"],
    ),
    "CPU build": (
        torch_variant_mismatch,
        b.facts(torch=b.torch("2.13.0+cpu")),
        ("sm_120",),
        ["torch==2.13.0+cu130"],
    ),
    "CPU build where a CUDA 12 driver is": (
        torch_variant_mismatch,
        b.facts(torch=b.torch("2.13.0+cpu"), drivers=[b.driver("570.86.15", "12.8")]),
        ("sm_89",),
        ["torch==2.13.0+cu126"],
    ),
    "CPU build and an AMD card": (
        torch_variant_mismatch,
        b.facts(torch=b.torch("2.9.0+cpu")),
        ("gfx1100",),
        ["torch==2.9.0+rocm6.4"],
    ),
    "nothing of this release serves": (
        torch_lacks_target,
        b.healthy(torch=b.torch("2.6.0+cu124"), gpus=BLACKWELL),
        (),
        ["torch==2.7.0+cu128"],
    ),
    "CUDA 13 dropped Volta": (
        torch_lacks_target,
        b.healthy(torch=b.torch("2.13.0+cu130"), gpus=[b.gpu("sm_70")]),
        (),
        ["torch==2.13.0+cu126"],
    ),
    "driver too old": (
        driver_too_old,
        b.healthy(torch=b.torch("2.11.0+cu130"), drivers=[b.driver("570.86.15", "12.8")]),
        (),
        ["torch==2.11.0+cu128"],
    ),
    "gfx1151": (
        gfx_unsupported,
        b.healthy_amd(gpus=[b.gpu("gfx1151")]),
        (),
        ["torch==2.10.0+rocm7.0"],
    ),
    "the ROCm that is here": (
        rocm_version_mismatch,
        b.healthy_amd(toolkits=[b.rocm("6.3.4")]),
        (),
        ["torch==2.9.0+rocm6.3"],
    ),
    "a release's wheel that was installed by its file": (
        torch_lacks_target,
        b.healthy(
            torch=b.torch("2.6.0+cu124"),
            gpus=BLACKWELL,
            distributions=[b.dist("torch", "2.6.0+cu124", direct_url="file:///x/torch-2.6.0.whl")],
        ),
        (),
        ["torch==2.7.0+cu128"],
    ),
    "companions move along": (
        torch_lacks_target,
        b.healthy(
            torch=b.torch("2.9.0+cu126"),
            gpus=BLACKWELL,
            distributions=dists(
                ("torch", "2.9.0+cu126"), ("torchvision", "0.24.0+cu126"), ("xformers", "0.0.33")
            ),
        ),
        (),
        ["torch==2.9.0+cu128", "torchvision==0.24.0+cu128", "xformers==0.0.33.post1"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_offer(case: str) -> None:
    check, facts, named, expected = CASES[case]
    install = step(offer(check, facts, *named))
    assert install.install == expected
    assert install.index == expected[0].partition("+")[2]


SKIPS = {
    "nightly": (
        b.facts(torch=b.torch("2.13.0.dev20260601+cpu", build="nightly")),
        ("sm_120",),
        "never replaced",
    ),
    "source": (
        b.facts(torch=b.torch("2.13.0a0+git+cpu", build="source", variant="cpu")),
        ("sm_120",),
        "never replaced",
    ),
    "conda's, and a GPU that no build of conda-forge serves": (
        b.facts(
            torch=b.torch("2.13.0+cpu"),
            distributions=[b.dist("torch", "2.13.0", source="conda")],
        ),
        ("gfx1100",),
        "no listed",
    ),
    "Python without wheels": (
        b.facts(torch=b.torch("2.4.1+cpu"), python=b.python("cp37")),
        ("sm_120",),
        "cp37",
    ),
    "musl": (
        b.facts(torch=b.torch("2.13.0+cpu"), host=b.host(libc="musl")),
        ("sm_120",),
        "no listed",
    ),
    "macOS": (b.facts(torch=b.torch("2.13.0+cpu"), host=MAC), ("sm_120",), "no listed"),
    "a GPU that no build serves": (b.facts(torch=b.torch("2.13.0+cpu")), ("sm_35",), "sm_35"),
}


@pytest.mark.parametrize("case", SKIPS)
def test_skip(case: str) -> None:
    facts, named, reason = SKIPS[case]
    skip = offer(torch_variant_mismatch, facts, *named)
    assert isinstance(skip, Skip) and reason in skip.reason


def test_the_table_decides_what_is_read_from_libraries_does_not_help() -> None:
    """The best build listed is installed, yet its libraries lack the target: no loop of plans."""
    library = b.library("torch/lib/libtorch_cuda.so", b.code("sm_90"), distribution="torch")
    facts = b.healthy(gpus=BLACKWELL, binaries=b.binaries(library))
    skip = offer(torch_lacks_target, facts)
    assert isinstance(skip, Skip) and "is installed" in skip.reason


def test_unknown_companion_is_said() -> None:
    facts = b.facts(
        torch=b.torch("2.13.0+cpu"),
        distributions=dists(("torch", "2.13.0+cpu"), ("kaolin", "0.18.0")),
    )
    plan = offer(torch_variant_mismatch, facts, "sm_120")
    assert isinstance(plan, Plan) and any("kaolin" in note for note in plan.notes)


def test_old_glibc_gets_an_older_release() -> None:
    facts = b.facts(torch=b.torch("2.13.0+cpu"), host=b.host(libc_version="2.17"))
    install = step(offer(torch_variant_mismatch, facts, "sm_89"))
    assert install.install == ["torch==2.5.1+cu124"]
