"""switch-edition and match-python: what takes the place of a package for other GPUs, CUDA or Python."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.checks.abi.abi304_python_tag_mismatch import python_tag_mismatch
from gpufix.checks.judge import run_check
from gpufix.checks.registry import Check, declared
from gpufix.checks.wheels.whl509_gpu_part_missing import gpu_part_missing
from gpufix.evidence.view import View
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes
from gpufix.knowledge import families
from gpufix.model import Distribution, Install, Library, Plan, Problem, Skip

LOST = Problem(kind="missing-library", name="libcublas.so.12")


def offers(check: Check, view: View, fix: str) -> list[Plan | Skip]:
    planner = Planner(builtin_fixes(), view)
    found = [o for f in run_check(declared(check), view) for o in planner.offers(f)]
    return [offer for offer in found if offer.fix == fix]


def on_amd(version: str, *more: Distribution) -> View:
    file = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
    library = b.library(file, distribution="onnxruntime-gpu", opened_by="plugin", problems=[LOST])
    dists = [b.dist("onnxruntime-gpu", version), *more]
    return b.view(b.facts(distributions=dists, binaries=b.binaries(library)), "gfx1100")


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("1.23.2", "onnxruntime-migraphx==1.23.2"),
        ("1.22.0", "onnxruntime-migraphx==1.23.0"),
        ("1.26.0", "onnxruntime-migraphx==1.25.0"),
    ],
)
def test_for_amd(version: str, wanted: str) -> None:
    (plan,) = offers(gpu_part_missing, on_amd(version), "switch-edition")
    assert isinstance(plan, Plan) and plan.safety == "unsafe"
    assert plan.steps == [
        Install(uninstall=["onnxruntime-gpu"]),
        Install(install=[wanted], dependencies=True),
    ]


def test_what_others_require_stays() -> None:
    view = on_amd("1.23.2", b.dist("optimum", requires=["onnxruntime-gpu"]))
    (skip,) = offers(gpu_part_missing, view, "switch-edition")
    assert isinstance(skip, Skip) and skip.reason == "optimum requires onnxruntime-gpu"


def module(name: str) -> Library:
    return b.library(
        "nvidia/dali/backend_impl.cpython-310-x86_64-linux-gnu.so",
        distribution=name,
        module=True,
        python_tag="cp310",
    )


@pytest.mark.parametrize(
    ("name", "version", "python", "told"),
    [
        ("nvidia-dali-cuda120", "1.35.0", "3.13.0", "install nvidia-dali-cuda120==1.53.0, which is for Python 3.13"),
        ("nvidia-dali-cuda110", "1.30.0", "3.13.0", "no release of nvidia-dali-cuda110 is listed for Python 3.13: 1.34.0 is for <3.13,>=3.8"),
    ],
)  # fmt: skip
def test_for_python(name: str, version: str, python: str, told: str) -> None:
    tag = f"cp{python.replace('.', '')[:3]}"
    facts = b.facts(
        distributions=[b.dist(name, version, tags=["py3-none-manylinux2014_x86_64"])],
        binaries=b.binaries(module(name)),
        python=b.python(version=python, tag=tag),
    )
    (offer,) = offers(python_tag_mismatch, b.view(facts), "match-python")
    assert (offer.title if isinstance(offer, Plan) else offer.reason) == told


def test_editions_name_one_another() -> None:
    assert families.editions("cupy-cuda12x", "cuda13") == ("cupy-cuda13x",)
    assert families.editions("numpy", "cuda13") == ()
    assert families.for_python("numpy", "3.13") is None
