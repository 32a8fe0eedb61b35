"""install-meant: another project has the name of what is meant."""

from __future__ import annotations

import builders as b

from gpufix.checks.judge import run_check
from gpufix.checks.registry import declared
from gpufix.checks.wheels.whl512_name_taken import name_taken
from gpufix.fixes.wheels.install_meant import install_meant
from gpufix.model import Distribution, Install, Plan, Skip

WARP = b.dist("warp", "0.0.1")


def offer(*dists: Distribution) -> Plan | Skip:
    view = b.view(b.facts(distributions=list(dists)))
    (finding,) = run_check(declared(name_taken), view)
    return install_meant(finding, view)


def test_what_is_meant_takes_its_place() -> None:
    plan = offer(WARP)
    assert isinstance(plan, Plan)
    assert plan.title == "install warp-lang in the place of warp"
    assert plan.steps == [
        Install(uninstall=["warp"]),
        Install(install=["warp-lang"], dependencies=True),
    ]


def test_what_somebody_requires_stays() -> None:
    answer = offer(WARP, b.dist("a", requires=["warp"]))
    assert isinstance(answer, Skip)
    assert answer.reason == "a requires warp"


def test_nothing_is_offered_that_no_listing_has() -> None:
    answer = offer(b.dist("cudf-cu13", "0.0.0a0"))
    assert isinstance(answer, Skip)
    assert "https://pypi.nvidia.com" in answer.reason
