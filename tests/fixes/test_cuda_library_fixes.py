"""CUDA libraries that nothing declares: the wheel of the right major, found by the loader."""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.checks.judge import run_check
from gpufix.checks.registry import declared
from gpufix.checks.symbols.sym402_missing_library import missing_library
from gpufix.evidence.cuda_wheels import cuda_of
from gpufix.evidence.view import View
from gpufix.fixes.runtime.extend_library_path import extend_library_path
from gpufix.fixes.wheels.install_declared import install_declared
from gpufix.model import Install, Library, Plan, Problem, SetVariables, Skip

TORCH_13 = b.torch("2.14.1+cu130")


def lib(*missing: str, owner: str = "ext", **more: Any) -> Library:
    problems = [Problem(kind="missing-library", name=name) for name in missing]
    base = {"distribution": owner, "module": True, "problems": problems, "needed": list(missing)}
    return b.library(f"{owner}/_C.so", **(base | more))


def of(*libraries: Library, dists: tuple[Any, ...] = (), **sections: Any) -> View:
    base = {"distributions": [b.dist("ext"), *dists], "binaries": b.binaries(*libraries)}
    return b.view(b.healthy(**(base | sections)))


def offer(fix: Any, view: View) -> Any:
    (finding,) = run_check(declared(missing_library), view)
    return fix(finding, view)


def test_bounds_of_all_who_require_it_hold() -> None:
    rows = ["nvidia-cudnn-cu12<10,>=9.1"], ["nvidia-cudnn-cu12~=9.5"]
    dists = tuple(b.dist(name, requires=row) for name, row in zip("ac", rows, strict=True))
    view = of(lib("libcudnn.so.9", needed=["libcudart.so.12"]), dists=dists)
    plan = offer(install_declared, view)
    assert isinstance(plan, Plan)
    assert plan.steps == [Install(install=["nvidia-cudnn-cu12<10,>=9.1,~=9.5"], reinstall=True)]


def test_contradicting_bounds_are_the_reason() -> None:
    dists = tuple(
        b.dist(name, requires=[f"nvidia-cudnn-cu12=={version}"])
        for name, version in (("a", "9.1.0"), ("c", "9.5.0"))
    )
    skip = offer(
        install_declared, of(lib("libcudnn.so.9", needed=["libcudart.so.12"]), dists=dists)
    )
    assert isinstance(skip, Skip)
    assert skip.reason.startswith("no version of nvidia-cudnn-cu12 satisfies all: a requires")


def test_folders_are_searched_behind_those_that_are() -> None:
    held = [
        Problem(kind="missing-library", name=f"lib{n}.so.1", provider=f"{b.SITE}/x/{n}/lib{n}.so.1")
        for n in "pq"
    ]
    view = of(lib(problems=held), environment=b.environment(LD_LIBRARY_PATH="/a:/b"))
    plan = offer(extend_library_path, view)
    assert isinstance(plan, Plan) and plan.safety == "unsafe"
    path = f"/a:/b:{b.SITE}/x/p:{b.SITE}/x/q"
    assert plan.steps == [SetVariables(variables={"LD_LIBRARY_PATH": path})]
    assert offer(extend_library_path, of(lib("libfoo.so.1"))) is None


@pytest.mark.parametrize(
    ("library", "major"),
    [
        (lib("libnccl.so.2", owner="torch"), 12),
        (lib("libcusparse.so.12", "libcufft.so.12"), 13),
        (lib("libcusparse.so.12"), None),
        (lib("libcufft.so.11", owner="cupy-cuda13x"), 12),
        (lib("libnccl.so.2", owner="onnxruntime-gpu-cu11"), 11),
        (lib("libnccl.so.2", links_torch=True), 12),
        (lib("libnccl.so.2"), None),
        (lib("libcudart.so.12", "libcudart.so.13"), None),
    ],
)
def test_the_cuda_that_a_library_is_for(library: Library, major: int | None) -> None:
    view = of(library, dists=(b.dist(library.distribution or ""),))
    assert cuda_of(view, library) == major
