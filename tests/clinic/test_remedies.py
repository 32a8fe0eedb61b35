"""Every remedy for the recorded environments names what the tables of published things have.

Each environment is judged for GPUs of many generations, too, so that more fixes speak. A version
must be listed for the torch that will be there, be what is installed already, or be what an
installed package declares; an index, page or address must be listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gpufix.checks.judge import judge
from gpufix.diagnosis.redaction import load
from gpufix.evidence.published import build_of
from gpufix.evidence.requirements import parse, version_of
from gpufix.evidence.targets import choose
from gpufix.evidence.torch_builds.existing import variants
from gpufix.evidence.view import View
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes
from gpufix.knowledge import conda, cuda, listings, packages, torch_releases
from gpufix.knowledge.wheel_blocks import Build
from gpufix.model import Advise, Facts, Finding, Install, Plan
from gpufix.plugins import all_rules
from gpufix.text.names import normalise

CASES = sorted(p.parent for p in Path(__file__).parent.glob("*/facts.json"))
GPUS = ("", "sm_70", "sm_120", "sm_35", "gfx1100")


SPEAKING = ("torchvision-of-another-torch", "nccl-taken-along", "healthy-torch-cu128")


@cache
def recorded(case: Path) -> Facts:
    return load(case / "facts.json")


def plans(view: View) -> list[Plan]:
    rules, _ = all_rules(view.facts.project is not None)
    planner = Planner(builtin_fixes(), view)
    found = [plan for finding in every(judge(view, rules)) for plan in planner.plans(finding)]
    assert planner.crashed() == []
    return found


def every(findings: list[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from every(list(finding.consequences))


def unlisted(plan: Plan, view: View) -> Iterator[str]:
    """What a plan names that no table has."""
    build = build_of(view)
    if plan.moves_torch and isinstance(build, Build):
        build = Build(
            plan.moves_torch.release, plan.moves_torch.variant, build.python, build.platform
        )
    for step in plan.steps:
        if isinstance(step, Install):
            for text in step.install:
                requirement = parse(text)
                assert requirement is not None
                if not listed(requirement, step, build, view):
                    yield f"{plan.fix}: {text} from {step.links or step.index or 'the index'}"
        elif isinstance(step, Advise) and "pytorch=" in (step.command or ""):
            release = (step.command or "").partition("pytorch=")[2].partition("=")[0]
            if conda.pytorch(release, "linux_x86_64") is None:
                yield f"{plan.fix}: {step.command}"


def listed(wanted: Requirement, step: Install, build: Build | str, view: View) -> bool:
    name = normalise(wanted.name)
    if here(name, wanted, view) or declared(name, wanted, view):
        return not step.links or listings.publishes(step.links)
    if name == "torch":
        return torch_listed(wanted, step, view)
    if listings.key(name) and isinstance(build, Build):
        return any(
            (Requirement(o.requirement), o.index, o.page) == (wanted, step.index, step.links)
            for o in listings.offers(name, build)
        )
    return known_otherwise(name, wanted)


def torch_listed(wanted: Requirement, step: Install, view: View) -> bool:
    """A release, and a build of it on the index that is named, or the package index's own ("===")."""
    (spec,) = wanted.specifier
    public, _, local = spec.version.partition("+")
    release, host = torch_releases.get(public), view.facts.host
    platform = torch_releases.platform(host.os, host.machine)
    python = view.facts.python
    return (
        release is not None
        and python is not None
        and python.tag in release.python_tags[platform]
        and (
            (step.index is None and not local and platform in release.default)
            if spec.operator == "==="
            else (local or "cpu") in variants(release, platform) and step.index == (local or "cpu")
        )
    )


def here(name: str, wanted: Requirement, view: View) -> bool:
    dist = view.dist(name)
    version = version_of(dist.version) if dist else None
    return version is not None and wanted.specifier.contains(version, prereleases=True)


def declared(name: str, wanted: Requirement, view: View) -> bool:
    """By an installed package, with the same or a wider range, its extras included."""
    rows = [parse(text) for dist in view.facts.distributions for text in dist.requires]
    same = [row for row in rows if row and normalise(row.name) == name]
    return any(
        row.extras >= wanted.extras
        and (
            {*wanted.specifier} <= {*row.specifier}
            or all(row.specifier.contains(s.version, prereleases=True) for s in wanted.specifier)
        )
        for row in same
    )


def known_otherwise(name: str, wanted: Requirement) -> bool:
    """The toolkit's wheels and the remedies of known conflicts, each with its source; build tools."""
    if name == "cuda-toolkit":
        (spec,) = wanted.specifier
        found = cuda.toolkit(spec.version)
        return found is not None and found.version == spec.version
    remedies = [row for conflict in packages.all() for row in conflict.remedies]
    return not wanted.specifier or any(row.get(name) == str(wanted.specifier) for row in remedies)


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_every_remedy_is_listed(case: Path, gpu: str) -> None:
    facts = recorded(case)
    view = View(facts, choose(facts, (gpu,) if gpu else ()))
    assert [text for plan in plans(view) for text in unlisted(plan, view)] == []


def test_the_remedies_are_not_none() -> None:
    """Enough speak for the rule above to mean something."""
    found = set()
    for case in (c for c in CASES if c.name in SPEAKING):
        for gpu in ("", "sm_120"):
            view = View(recorded(case), choose(recorded(case), (gpu,) if gpu else ()))
            found |= {p.fix for p in plans(view) if any(isinstance(s, Install) for s in p.steps)}
    assert {"install-torch-build", "match-torch-family", "reinstall-distribution"} <= found, found
