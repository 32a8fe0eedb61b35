"""The libraries of a package's own CUDA: which wheels, and how the loader comes to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders as b
import pytest

from gpufix.checks.symbols.sym402_missing_library import missing_library
from gpufix.checks.wheels.whl510_other_cuda_major import other_cuda_major
from gpufix.evidence.view import View
from gpufix.fixes.wheels.install_own_cuda import install_own_cuda
from gpufix.model import Distribution, Install, Library, Plan, Problem, SetVariables, Skip

CU13 = b.dist("nvidia-cublas", "13.1.1.3")
OWN = "nvidia/cublas/lib"
MODULE = f"{b.SITE}/cupy/cublas.so"


def lacking(*missing: str, provider: str | None = None, **changes: Any) -> Library:
    problems = [Problem(kind="missing-library", name=n, provider=provider) for n in missing]
    own = {"distribution": "solver-cuda12x", "problems": problems, "module": True}
    return b.library("cupy/cublas.so", **(own | changes))


def of(
    *libraries: Library,
    dists: Sequence[Distribution] = (),
    cupy: Distribution = b.dist("solver-cuda12x"),
    path: Sequence[str] = (),
    **sections: Any,
) -> View:
    """`path`: the folders of the module's RPATH."""
    base: dict[str, Any] = {
        "torch": None,
        "distributions": [cupy, *dists],
        "binaries": b.binaries(*libraries),
        "answers": {f"search-path:{MODULE}": list(path)},
        "toolkits": [],
    }
    return b.view(b.healthy(**(base | sections)))


def planned(view: View, check: Any = missing_library) -> Plan | Skip | None:
    (finding, *_) = b.run(check, view.facts)
    return install_own_cuda(finding, view)


CUBLAS = lacking("libcublas.so.12")
HERE = lacking("libcublas.so.12", provider=f"{b.SITE}/{OWN}/libcublas.so.12")
OF_13 = lacking("libcurand.so.10", provider=f"{b.SITE}/nvidia/cu13/lib/libcurand.so.10")
FINDER = b.dist("cuda-pathfinder", "1.9.1")
USER = b.dist("solver-cuda12x", requires=["cuda-pathfinder"])
NEWER = b.library("nvidia/cu13/lib/libcublas.so.13", distribution="nvidia-cublas")
SET = b.environment(LD_LIBRARY_PATH="/opt/lib")


@pytest.mark.parametrize(
    ("view", "wheels", "variable"),
    [
        (of(CUBLAS, path=[f"{b.SITE}/{OWN}"]), ["nvidia-cublas-cu12==12.*"], None),
        (of(CUBLAS), ["nvidia-cublas-cu12==12.*"], f"{b.SITE}/{OWN}"),
        (of(CUBLAS, environment=SET), ["nvidia-cublas-cu12==12.*"], f"/opt/lib:{b.SITE}/{OWN}"),
        (of(CUBLAS, dists=[FINDER], cupy=USER), ["nvidia-cublas-cu12==12.*"], None),
        # pathfinder would open CUDA 13's.
        (of(CUBLAS, NEWER, dists=[FINDER], cupy=USER), ["nvidia-cublas-cu12==12.*"], f"{b.SITE}/{OWN}"),
        (of(HERE), [], f"{b.SITE}/{OWN}"),
        (
            of(lacking("libcurand.so.10", "libcublas.so.12", provider=f"{b.SITE}/nvidia/cu13/lib/x.so")),
            ["nvidia-cublas-cu12==12.*", "nvidia-curand-cu12==10.*"],
            f"{b.SITE}/nvidia/cublas/lib:{b.SITE}/nvidia/curand/lib",
        ),
    ],
)  # fmt: skip
def test_plans(view: View, wheels: list[str], variable: str | None) -> None:
    plan = planned(view)
    assert isinstance(plan, Plan)
    assert plan.safety == ("unsafe" if variable else "safe")
    steps: list[object] = (
        [Install(install=wheels, dependencies=True, freeze=True)] if wheels else []
    )
    steps += [SetVariables(variables={"LD_LIBRARY_PATH": variable})] if variable else []
    assert plan.steps == steps


def test_for_cuda_13_one_folder_holds_all() -> None:
    jax = lacking("libcufft.so.12", "libcublas.so.13", distribution="solver-cuda13x")
    plan = planned(of(jax, cupy=b.dist("solver-cuda13x")))
    assert isinstance(plan, Plan)
    assert plan.steps == [
        Install(
            install=["nvidia-cublas==13.*", "nvidia-cufft==12.*"], dependencies=True, freeze=True
        ),
        SetVariables(variables={"LD_LIBRARY_PATH": f"{b.SITE}/nvidia/cu13/lib"}),
    ]


def test_the_cause_is_planned_for_once() -> None:
    view = of(CUBLAS, dists=[CU13])
    assert planned(view) is None
    assert isinstance(planned(view, other_cuda_major), Plan)


@pytest.mark.parametrize(
    "view",
    [
        of(replace(CUBLAS, links_torch=True)),
        of(lacking("libfoo.so.1")),
        of(lacking("libcublas.so.12", distribution="mine"), cupy=b.dist("other")),
    ],
)
def test_not_its_affair(view: View) -> None:
    assert planned(view) is None


@pytest.mark.parametrize(
    ("view", "check", "reason"),
    [
        (
            of(CUBLAS, dists=[b.dist("nvidia-cublas-cu11", "11.11.3.6")]),
            other_cuda_major,
            "nvidia-cublas-cu12 would overwrite files of nvidia-cublas-cu11",
        ),
        (
            of(HERE, path=[f"{b.SITE}/{OWN}"]),
            missing_library,
            "its libraries are here, and its own search leads to them",
        ),
    ],
)
def test_no_plan(view: View, check: Any, reason: str) -> None:
    found = planned(view, check)
    assert isinstance(found, Skip)
    assert found.reason == reason
