"""What resolve-conflict asks an installer for."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.fixes.wheels.resolve_conflict import resolve_conflict
from gpufix.model import Distribution, Install, Plan, Skip

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
