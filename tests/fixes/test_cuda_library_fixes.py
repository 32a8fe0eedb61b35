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
from gpufix.fixes.wheels.install_cuda_library import install_cuda_library
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


WHEELS: dict[str, tuple[View, list[str], list[str]]] = {
    "CUDA 12": (of(lib("libcudart.so.12")), ["nvidia-cuda-runtime-cu12"], ["cuda_runtime"]),
    "CUDA 13, in one folder": (
        of(lib("libcudart.so.13", "libcufft.so.12")),
        ["nvidia-cuda-runtime", "nvidia-cufft"],
        ["cu13"],
    ),
    "by the number of another": (
        of(lib("libcurand.so.10", "libcublas.so.12")),
        ["nvidia-cublas-cu12", "nvidia-curand-cu12"],
        ["cublas", "curand"],
    ),
    "by the package's name": (
        of(lib("libcurand.so.10", owner="cupy-cuda12x")),
        ["nvidia-curand-cu12"],
        ["curand"],
    ),
    "a cuDNN of its number": (
        of(lib("libcudnn.so.8", "libcublas.so.12")),
        ["nvidia-cublas-cu12", "nvidia-cudnn-cu12==8.*"],
        ["cublas", "cudnn"],
    ),
}


@pytest.mark.parametrize("case", WHEELS)
def test_the_wheel_of_its_cuda_and_the_folder(case: str) -> None:
    view, wheels, folders = WHEELS[case]
    plan = offer(install_cuda_library, view)
    assert isinstance(plan, Plan) and plan.safety == "safe"
    path = ":".join(f"{b.SITE}/nvidia/{folder}/lib" for folder in folders)
    variables = SetVariables(variables={"LD_LIBRARY_PATH": path})
    assert plan.steps == [Install(install=wheels), variables]
    assert offer(install_declared, view) is None


NONE: dict[str, tuple[View, str | None]] = {
    "torch, which declares its own": (of(lib("libcudart.so.12", owner="torch")), None),
    "somebody requires it": (
        of(
            lib("libcudart.so.12"), dists=(b.dist("a", requires=["nvidia-cuda-runtime-cu12<12.9"]),)
        ),
        None,
    ),
    "it links a torch for another CUDA": (
        of(lib("libcudart.so.12", links_torch=True), torch=TORCH_13),
        "it is built for CUDA 12, and torch for CUDA 13: no library mends that",
    ),
    "which CUDA it is for is not known": (
        of(lib("libnccl.so.2"), torch=None),
        "for which CUDA ext is made is not known",
    ),
    "the other major's wheel has the same files": (
        of(lib("libcublas.so.12", "libcudnn.so.9"), dists=(b.dist("nvidia-cudnn-cu13"),)),
        "nvidia-cudnn-cu13 owns the files of nvidia-cudnn-cu12 too",
    ),
    "no folder to install into": (
        of(lib("libcudart.so.12"), python=None),
        "there is no folder to install into",
    ),
}


@pytest.mark.parametrize("case", NONE)
def test_no_wheel_is_brought(case: str) -> None:
    view, reason = NONE[case]
    found = offer(install_cuda_library, view)
    assert (found.reason if isinstance(found, Skip) else found) == reason


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
    assert isinstance(plan, Plan) and plan.safety == "safe"
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
    assert cuda_of(of(library), library) == major
