"""take-release-for-target: a newer release, of whose wheel it was read that it has code for the GPU."""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.judge import run_check
from gpufix.checks.registry import declared
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes
from gpufix.model import Install, Plan, Skip

NAME = "take-release-for-target"


def offered(
    arch: str = "sm_120",
    torch: str = "2.9.0+cu128",
    version: str = "0.41.0",
    name: str = "bitsandbytes",
    more: dict[str, list[str]] | None = None,
    **changes: Any,
) -> Plan | Skip | None:
    """For a GPU; `version` of the package, whose code is for sm_35 alone. more: packages -> requirements."""
    library = b.library(f"{name}/libcuda118.so", b.code("sm_35"), distribution=name)
    others = [b.dist(other, requires=requires) for other, requires in (more or {}).items()]
    view = b.view(
        b.healthy(
            gpus=[b.gpu(arch)],
            torch=b.torch(torch),
            distributions=[b.dist("torch", torch), b.dist(name, version, **changes), *others],
            binaries=b.binaries(library),
        )
    )
    planner = Planner(builtin_fixes(), view)
    [finding] = run_check(declared(extension_lacks_target), view)
    return next((o for o in planner.offers(finding) if o.fix == NAME), None)


@pytest.mark.parametrize(
    ("arch", "torch", "version", "more", "installs"),
    [
        ("sm_120", "2.9.0+cu128", "0.41.0", None, "0.50.2"),
        ("sm_90", "2.7.1+cu126", "0.41.0", None, "0.50.2"),
        ("sm_120", "2.9.0+cu128", "0.45.5", {"x": ["bitsandbytes<0.49"]}, "0.48.2"),
        ("sm_60", "2.9.0+cu126", "0.41.0", None, "0.50.2"),
    ],
)
def test_the_newest_that_fits(
    arch: str, torch: str, version: str, more: dict[str, list[str]] | None, installs: str
) -> None:
    plan = offered(arch, torch, version, more=more)
    assert isinstance(plan, Plan) and plan.safety == "unsafe"
    assert plan.steps == [Install(install=[f"bitsandbytes=={installs}"], reinstall=True)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"arch": "sm_60", "torch": "2.9.0+cu128"}, "is known to hold code for sm_60"),
        ({"version": "0.50.2"}, "no newer bitsandbytes that is listed for torch 2.9.0+cu128"),
        ({"more": {"x": ["bitsandbytes<0.45"]}}, "is known to hold code for sm_120"),
        ({"torch": "2.9.0+cpu"}, "none for cpu"),
        ({"source": "conda"}, "installed by conda"),
    ],
)
def test_why_there_is_none(given: dict[str, Any], reason: str) -> None:
    skip = offered(**given)
    assert isinstance(skip, Skip) and reason in skip.reason


def test_of_a_package_whose_code_nobody_read_nothing_is_said() -> None:
    assert offered(name="rasterizer") is None


@pytest.mark.parametrize(
    ("arch", "name", "version", "wanted"),
    [
        ("sm_90", "faiss-gpu-cu12", "1.13.2", "faiss-gpu==1.15.1"),
        ("sm_120", "faiss-gpu-cu12", "1.13.2", "faiss-gpu==1.15.1"),
        ("sm_90", "faiss-gpu-cu12", "1.8.0.1", "faiss-gpu-cu12==1.8.0.2"),
        ("sm_60", "faiss-gpu-cu12", "1.13.2", "faiss-gpu-cu12==1.8.0.2"),
        ("sm_90", "faiss-gpu-cu11", "1.12.0", "faiss-gpu-cu11==1.8.0.2"),
        ("sm_61", "paddlepaddle-gpu", "2.5.2", "paddlepaddle-gpu==2.6.2"),
    ],
)
def test_without_torch_a_release_of_the_project(
    arch: str, name: str, version: str, wanted: str
) -> None:
    plan = offered(arch, version=version, name=name)
    assert isinstance(plan, Plan) and plan.safety == "unsafe"
    gone = [] if wanted.startswith(f"{name}==") else [Install(uninstall=[name])]
    assert plan.steps == [*gone, Install(install=[wanted], dependencies=True)]


@pytest.mark.parametrize(
    "given",
    [
        {"arch": "sm_120", "name": "paddlepaddle-gpu", "version": "2.5.2"},
        {"arch": "sm_90", "name": "faiss-gpu-cu12", "more": {"x": ["faiss-gpu-cu12>=1.9"]}},
        {"arch": "sm_50", "name": "ctranslate2", "version": "4.8.5"},  # 3.x is for CUDA 11
    ],
)
def test_no_release_of_the_project(given: dict[str, Any]) -> None:
    skip = offered(**{"version": "1.13.2"} | given)
    reason = f"no release of {given['name']} is known to hold code for {given['arch']}"
    assert isinstance(skip, Skip) and skip.reason.startswith(reason)
