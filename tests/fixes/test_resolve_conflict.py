"""What resolve-conflict asks an installer for."""

from __future__ import annotations

from collections.abc import Callable

import builders as b
import pytest

from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.evidence.view import View
from gpufix.fixes.wheels.move_asked import later_partner
from gpufix.fixes.wheels.resolve_conflict import resolve_conflict
from gpufix.model import Distribution, Finding, Import, Install, Plan, Skip

Move = Callable[[Finding, View], Plan | Skip | None]
CASES: dict[str, tuple[list[Distribution], list[str]]] = {
    "as it is declared": ([b.dist("a", requires=["B_b>=1,<2"])], ["b-b<2,>=1"]),
    # Without its extra, what that requires would be missed next, and the run undone.
    "with the extras asked for": ([b.dist("a", requires=["b[y,x]>=1"])], ["b[x,y]>=1"]),
    "all that one package lacks": ([b.dist("a", requires=["b", "c[x]"])], ["b", "c[x]"]),
    # Unnamed, they come from the newest toolkit, whose headers and cicc this nvcc does not go with.
    "parts of one CUDA toolkit": (
        [b.dist("nvidia-cuda-nvcc", "13.0.88", requires=["nvidia-cuda-crt", "nvidia-nvvm", "x"])],
        ["nvidia-cuda-crt==13.0.88.*", "nvidia-nvvm==13.0.88.*", "x"],
    ),
    "of a toolkit that no list has": (
        [b.dist("nvidia-cuda-nvcc", "13.9.1", requires=["nvidia-cuda-crt"])],
        ["nvidia-cuda-crt"],
    ),
    "the first remedy of a known conflict": (
        [b.dist("gradio", "4.44.1"), b.dist("huggingface-hub", "1.2.0")],
        ["huggingface-hub<1.0"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_installed(case: str) -> None:
    dists, wanted = CASES[case]
    facts = b.facts(distributions=dists)
    (finding,) = b.run(requirement_conflict, facts)
    plan = resolve_conflict(finding, b.view(facts))
    assert isinstance(plan, Plan)
    assert plan.steps == [Install(install=wanted, dependencies=True)]


def test_no_release_that_no_list_has() -> None:
    """Paddle's GPU builds from 3.0 on lie on an index of their own."""
    dists = [b.dist("paddlex", "3.0.2"), b.dist("paddlepaddle-gpu", "2.6.2")]
    facts = b.facts(distributions=dists)
    (finding,) = b.run(requirement_conflict, facts)
    skip = resolve_conflict(finding, b.view(facts))
    assert isinstance(skip, Skip)
    assert skip.reason == "no listed release is paddlepaddle-gpu>=3.0"


# The newest release of all may have left what another package allows.
MOVED: dict[str, tuple[Move, list[str], list[str], str]] = {
    "the partner, of which nothing is declared": (later_partner, [], [], "transformers>4.40.0"),
    "the partner, within a range": (
        later_partner,
        ["transformers<4.50"],
        [],
        "transformers<4.50,>4.40.0",
    ),
    "the package, of which nothing is declared": (resolve_conflict, [], [], "diffusers>0.31.0"),
    "the package, within a range": (
        resolve_conflict,
        [],
        ["diffusers<0.34"],
        "diffusers<0.34,>0.31.0",
    ),
}


@pytest.mark.parametrize("case", MOVED)
def test_what_moves_stays_within_what_is_declared(case: str) -> None:
    move, of_one, of_other, wanted = MOVED[case]
    failing = Import(
        module="diffusers.part",
        part_of="diffusers",
        distribution="diffusers",
        state="fails",
        missing="transformers.gone",
        of="transformers",
        foreign=True,
    )
    dists = [
        b.dist("diffusers", "0.31.0", requires=of_one),
        b.dist("transformers", "4.40.0"),
        b.dist("another", requires=of_other),
    ]
    facts = b.facts(distributions=dists, binaries=b.binaries(imports=[failing]))
    (finding,) = b.run(requirement_conflict, facts)
    plan = move(finding, b.view(facts))
    assert isinstance(plan, Plan)
    assert plan.steps == [Install(install=[wanted], dependencies=True, freeze=True)]
