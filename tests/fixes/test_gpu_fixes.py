"""Fixes of what runs on the GPU: rebuilding, the HSA override, drivers."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.gpu.gpu104_ptx_too_new_for_driver import ptx_too_new_for_driver
from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.gpu.gpu106_driver_unusable import driver_unusable
from gpufix.checks.gpu.gpu107_gfx_unsupported import gfx_unsupported
from gpufix.fixes.gpu.advise_driver import advise_driver
from gpufix.fixes.gpu.set_hsa_override import set_hsa_override
from gpufix.fixes.rebuild import rebuild_for_target
from gpufix.model import Build, Distribution, Facts, Plan, SetVariables, Skip

NAME = "rasterizer"


def lacking(dist: Distribution | None, **sections: object) -> Facts:
    """An extension without code for the RTX 5080 of this machine."""
    owner = {"distribution": NAME} if dist else {}
    path = "../../../../src/project/_C.so" if dist is None else f"{NAME}/_C.so"
    library = b.library(path, b.code("sm_86"), **owner)
    if dist is None:
        library = replace(library, path="/src/project/_C.so")
    base = {
        "gpus": [b.gpu("sm_120")],
        "binaries": b.binaries(library),
        "distributions": [*b.healthy().distributions, *([dist] if dist else [])],
    }
    return b.healthy(**(base | sections))


def offer(facts: Facts) -> Plan | Skip:
    offered = rebuild_for_target(b.run(extension_lacks_target, facts)[0], b.view(facts))
    assert isinstance(offered, (Plan, Skip))
    return offered


EDITABLE = b.dist(NAME, editable="/src/rasterizer", direct_url="file:///src/rasterizer")
FOLDER = b.dist(NAME, direct_url="file:///src/rasterizer")
SOURCES = {
    "editable": (EDITABLE, "/src/rasterizer", True),
    "folder": (FOLDER, "/src/rasterizer", False),
    "odd folder": (b.dist(NAME, direct_url="file:///src/a%20b%25"), "/src/a b%", False),
    "in the project": (None, "/src/project", False),
}


@pytest.mark.parametrize("case", SOURCES)
def test_rebuild(case: str) -> None:
    dist, source, editable = SOURCES[case]
    plan = offer(lacking(dist))
    assert isinstance(plan, Plan) and plan.safety == "safe"
    (step,) = plan.steps
    assert isinstance(step, Build)
    assert (step.path, step.editable, step.expect_archs) == (source, editable, ["sm_120"])
    assert step.environment["TORCH_CUDA_ARCH_LIST"] == "12.0+PTX"


REFUSED = {
    "from an index": (lacking(b.dist(NAME)), "is not known"),
    "from a wheel": (lacking(b.dist(NAME, direct_url="file:///x/r-1-py3.whl")), "is not known"),
    "from the net": (lacking(b.dist(NAME, direct_url="https://x/y.git")), "is not known"),
    "no nvcc": (lacking(FOLDER, toolkits=[]), "no nvcc"),
    "nvcc too old": (lacking(FOLDER, toolkits=[b.toolkit("12.6")]), "no code for sm_120"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rebuild_refused(case: str) -> None:
    facts, reason = REFUSED[case]
    skip = offer(facts)
    assert isinstance(skip, Skip) and reason in skip.reason


def test_torch_is_not_rebuilt() -> None:
    library = b.library(
        "torch/lib/libtorch_cuda.so", b.code("sm_90", kind="ptx", ptx_version="9.2")
    )
    facts = b.healthy(gpus=[b.gpu("sm_120")], binaries=b.binaries(library))
    (finding,) = b.run(ptx_too_new_for_driver, facts)
    assert isinstance(rebuild_for_target(finding, b.view(facts)), Skip)


def test_override_heals() -> None:
    facts = b.healthy_amd(gpus=[b.gpu("gfx1032")])
    plan = set_hsa_override(b.run(gfx_unsupported, facts)[0], b.view(facts))
    assert isinstance(plan, Plan) and plan.safety == "unsafe"
    assert plan.steps == [SetVariables(variables={"HSA_OVERRIDE_GFX_VERSION": "10.3.0"})]
    overlay = replace(facts.environment, overlay=plan.steps[0].variables)
    assert b.run(gfx_unsupported, replace(facts, environment=overlay)) == []


@pytest.mark.parametrize("gfx", ["gfx1103", "gfx1151", "gfx90c"])
def test_no_override_of_unknown_risk(gfx: str) -> None:
    facts = b.healthy_amd(gpus=[b.gpu(gfx)])
    skip = set_hsa_override(b.run(gfx_unsupported, facts)[0], b.view(facts))
    assert isinstance(skip, Skip) and skip.reason


def test_no_override_that_would_hold_for_another_gpu() -> None:
    facts = b.healthy_amd(gpus=[b.gpu("gfx1032"), b.gpu("gfx1100", 1)])
    finding = next(f for f in b.run(gfx_unsupported, facts) if f.subject == "gfx1032")
    skip = set_hsa_override(finding, b.view(facts))
    assert isinstance(skip, Skip) and "gfx1100" in skip.reason


@pytest.mark.parametrize(
    ("isa", "title"),
    [
        ("9.2", "install NVIDIA's driver 595.45.04 or newer"),
        ("99.0", "install a newer NVIDIA driver"),
    ],
)
def test_a_driver_that_reads_the_ptx(isa: str, title: str) -> None:
    """Of the extension, whatever torch is built with."""
    library = b.library("r/_C.so", b.code("sm_90", kind="ptx", ptx_version=isa), distribution="r")
    facts = b.healthy(gpus=[b.gpu("sm_120")], binaries=b.binaries(library))
    plan = advise_driver(b.run(ptx_too_new_for_driver, facts)[0], b.view(facts))
    assert (plan.safety, plan.title) == ("manual", title)


def test_newer_driver() -> None:
    facts = b.healthy(torch=b.torch("2.11.0+cu130"), drivers=[b.driver("570.86.15", "12.8")])
    plan = advise_driver(b.run(driver_too_old, facts)[0], b.view(facts))
    assert plan.safety == "manual" and plan.title == "install NVIDIA's driver 580.65.06 or newer"


DRIVERS = {
    "mismatch": b.driver(kernel_version="570.86.15"),
    "stub": b.driver(library_is_stub=True),
    "library": b.driver(library=None),
    "nodes": b.driver(nodes=[]),
    "denied": b.driver(denied=["/dev/nvidia0"]),
    "absent": b.driver(None, None, library=None, nodes=[], kernel_version=None),
    "error": b.driver(error="Driver Not Loaded"),
    "no kfd": b.amd_driver(nodes=[]),
    "not in the group": b.amd_driver(denied=["/dev/kfd"]),
}


@pytest.mark.parametrize("case", DRIVERS)
@pytest.mark.parametrize("container", [None, "docker"])
def test_unusable_driver(case: str, container: str | None) -> None:
    driver = DRIVERS[case]
    healthy = b.healthy_amd if driver.vendor == "amd" else b.healthy
    facts = healthy(drivers=[driver], gpus=[], host=b.host(container=container))
    plan = advise_driver(b.run(driver_unusable, facts)[0], b.view(facts))
    assert plan.safety == "manual" and plan.title and plan.steps[0].text
    assert ("container" in plan.title) == (case == "absent" and container is not None)
