"""Fixes of what runs on the GPU: rebuilding, the HSA override, drivers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import builders as b
import pytest

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.gpu.gpu104_ptx_too_new_for_driver import ptx_too_new_for_driver
from gpufix.checks.gpu.gpu105_driver_too_old import driver_too_old
from gpufix.checks.gpu.gpu106_driver_unusable import driver_unusable
from gpufix.checks.gpu.gpu107_gfx_unsupported import gfx_unsupported
from gpufix.fixes.gpu.advise_driver import advise_driver
from gpufix.fixes.gpu.set_hsa_override import set_hsa_override
from gpufix.fixes.rebuild import rebuild_for_target, rebuild_for_torch
from gpufix.fixes.registry import builtin_fixes
from gpufix.model import (
    Advise,
    Build,
    Distribution,
    Driver,
    Facts,
    Finding,
    Plan,
    SetVariables,
    Severity,
    Skip,
)
from gpufix.model.payload import ExtensionModules

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
    assert plan.title == f"rebuild {NAME if dist else source} for sm_120"
    assert plan.notes == [f"runs the build code of {source}"]


def lacking_on_amd(**sections: object) -> Facts:
    code = b.code("gfx1030", kind="hip")
    binaries = b.binaries(b.library(f"{NAME}/_C.so", code, distribution=NAME))
    dists = [*b.healthy_amd().distributions, FOLDER]
    return b.healthy_amd(**({"binaries": binaries, "distributions": dists} | sections))


def test_rebuild_for_an_amd_gpu() -> None:
    plan = offer(lacking_on_amd())
    assert isinstance(plan, Plan)
    (step,) = plan.steps
    assert isinstance(step, Build)
    assert (step.expect_archs, step.environment["PYTORCH_ROCM_ARCH"]) == (["gfx1100"], "gfx1100")
    skip = offer(lacking_on_amd(toolkits=[b.toolkit()]))
    assert isinstance(skip, Skip) and skip.reason == "no hipcc is here to build with"


def unfit(code: str, subject: str = NAME, *libraries: str) -> Finding:
    """An extension that was built for another torch."""
    payload = ExtensionModules(subject, libraries)
    error = {"name": "n", "severity": Severity.error, "message": "m"}
    return Finding(code=code, subject=subject, payload=payload, **error)


FOR_TORCH = {
    "no GPU code": ("ABI304", None, [], " for torch 2.9.0+cu128"),
    "GPU code": ("ABI304", None, ["sm_86"], " for sm_89"),
    "the C++ ABI": ("ABI301", True, [], " for torch 2.9.0+cu128"),
    "symbols": ("SYM401", None, [], " for torch 2.9.0+cu128"),
}


@pytest.mark.parametrize("case", FOR_TORCH)
def test_rebuild_for_the_torch_at_hand(case: str) -> None:
    """The C++ ABI is forced where that is what is wrong; GPU code only where there was some."""
    code, abi, archs, title = FOR_TORCH[case]
    own = b.library(f"{NAME}/_C.so", b.code(*archs), distribution=NAME)
    other = b.library("torch/lib/libtorch_cuda.so", b.code("sm_89"), distribution="torch")
    dists = [*b.healthy().distributions, EDITABLE]
    facts = b.healthy(distributions=dists, binaries=b.binaries(own, other))
    plan = rebuild_for_torch(unfit(code), b.view(facts))
    assert isinstance(plan, Plan)
    (step,) = plan.steps
    assert isinstance(step, Build)
    assert (step.abi, step.expect_archs) == (abi, ["sm_89"] if archs else [])
    assert plan.title == f"rebuild {NAME}{title}"
    assert any("_GLIBCXX_USE_CXX11_ABI=1" in note for note in plan.notes) == (abi is not None)


@pytest.mark.parametrize(
    ("libraries", "path"),
    [((), None), (("/src/project/a/_C.so",), "/src/project"), (("/src/project2/_C.so",), None)],
)
def test_what_was_built_in_place_is_built_in_the_project(
    libraries: tuple[str, ...], path: str | None
) -> None:
    facts = b.healthy(distributions=[*b.healthy().distributions, b.dist(NAME)])
    plan = rebuild_for_torch(unfit("ABI304", NAME, *libraries), b.view(facts))
    found = plan.steps[0] if isinstance(plan, Plan) else None
    assert (found.path if isinstance(found, Build) else None) == path


def test_rebuilds_are_registered_for_what_a_build_mends() -> None:
    codes = {f.name: f.codes for f in builtin_fixes() if f.name.startswith("rebuild-")}
    assert codes == {
        "rebuild-for-system": ("ABI302",),
        "rebuild-for-target": ("GPU103", "GPU104", "GPU108"),
        "rebuild-for-torch": ("ABI301", "ABI304", "ABI305", "SYM401", "WHL510"),
    }


CPU = {"torch": b.torch("2.9.0+cpu")}
PURE = b.project(builds=False)
NEEDS_CUDA_TORCH = b.library(
    f"{NAME}/_C.so", b.code("sm_86"), distribution=NAME, needed=["libc10_cuda.so"]
)
REFUSED = {
    "CPU torch": (
        lacking(FOLDER, binaries=b.binaries(NEEDS_CUDA_TORCH), **CPU),
        "torch has no CUDA to build with",
    ),
    "no project": (lacking(None, project=None), "is not known"),
    "a project that compiles nothing": (lacking(None, project=PURE), "is not known"),
    "beside the project": (lacking(None, project=b.project(root="/src/proj")), "is not known"),
    "several reasons": (lacking(FOLDER, toolkits=[], tools=[]), "no nvcc"),
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


def test_what_links_nothing_of_cuda_torch_needs_nvcc_only() -> None:
    plan = offer(lacking(FOLDER, **CPU))
    assert isinstance(plan, Plan)
    (step,) = plan.steps
    assert isinstance(step, Build) and step.expect_archs == ["sm_120"]


def test_torch_is_not_rebuilt() -> None:
    library = b.library(
        "torch/lib/libtorch_cuda.so", b.code("sm_90", kind="ptx", ptx_version="9.2")
    )
    facts = b.healthy(gpus=[b.gpu("sm_120")], binaries=b.binaries(library))
    (finding,) = b.run(ptx_too_new_for_driver, facts)
    skip = rebuild_for_target(finding, b.view(facts))
    assert isinstance(skip, Skip) and skip.reason == "torch itself is not rebuilt"


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
        ("9.2", "install NVIDIA's driver 595.45.04 or newer with the open kernel modules"),
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


UBUNTU = "Ubuntu 24.04.3 LTS"
OLD = b.driver("560.35.03", "12.6", flavour="proprietary")


@pytest.mark.parametrize(
    ("driver", "arch", "host", "title", "text", "command"),
    [
        (
            OLD,
            "sm_120",
            {"distro": UBUNTU},
            "install driver 570 or newer with the open kernel modules",
            "Branch 580, supported until 2028-06, is one such.",
            "sudo apt-get install nvidia-driver-580-open",
        ),
        (
            b.driver("595.58.03", "13.2"),
            "sm_61",
            {"distro": UBUNTU},
            "install driver 580 or older with the proprietary kernel modules",
            "Branch 580, supported until 2028-06, is one such.",
            "sudo apt-get install nvidia-driver-580",
        ),
        (
            b.driver("570.86.16", flavour="proprietary"),
            "sm_120",
            {"distro": UBUNTU},
            "install the open kernel modules",
            "Take the packages of the distribution",
            "sudo apt-get install nvidia-driver-570-open",
        ),
        (
            b.driver("580.95.05", flavour="open"),
            "sm_70",
            {"distro": UBUNTU},
            "install the proprietary kernel modules",
            "Take the packages of the distribution",
            "sudo apt-get install nvidia-driver-580",
        ),
        (OLD, "sm_120", {"distro": "Gentoo"}, None, "Branch 580", None),
        (
            OLD,
            "sm_120",
            {"container": "docker", "distro": UBUNTU},
            "install driver 570 or newer with the open kernel modules on the host",
            "A container takes its host's driver.",
            None,
        ),
        (
            b.driver("561.09", "12.6", kernel_version=None),
            "sm_120",
            {"wsl": True, "distro": UBUNTU},
            "install driver 570 or newer with the open kernel modules on Windows",
            "WSL2 uses the driver of Windows.",
            None,
        ),
    ],
)
def test_a_driver_that_drives_the_gpu(
    driver: Driver,
    arch: str,
    host: dict[str, Any],
    title: str | None,
    text: str,
    command: str | None,
) -> None:
    facts = b.healthy(gpus=[b.gpu(arch)], drivers=[driver], host=b.host(**host))
    (finding,) = b.run(driver_too_old, facts)
    plan = advise_driver(finding, b.view(facts))
    (step,) = plan.steps
    assert isinstance(step, Advise) and plan.safety == "manual"
    assert plan.title == (title or plan.title) and step.text.startswith(text)
    assert step.command == command


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
