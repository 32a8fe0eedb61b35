"""When a fallback is offered, as what, and why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import pytest

import gpufix
from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.checks.judge import Selection
from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.runtime.run806_out_of_memory import RUN806
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.diagnosis.diagnose import Request
from gpufix.engine.run.propose import FixRequest, Proposed, propose
from gpufix.fallbacks import catalogue
from gpufix.fixes.commands import summary
from gpufix.fixes.conflicts import PlanConflicts
from gpufix.fixes.fallback.install_fallback import install_fallback, on_demand
from gpufix.fixes.merge import merge
from gpufix.fixes.pins import why_not, with_dependents
from gpufix.model import Build, Facts, Install, InstallFallback, Plan, Record, Severity, Skip
from gpufix.text.names import normalise

TORCH = b.dist("torch", "2.9.0+cu128")
ABOUT: dict[str, Any] = {
    "distribution": "Fast-Loss",
    "version": "1.0.0",
    "import": ["fast_loss", "fast_loss_cuda"],
    "replaces": ["fast-loss", "fast-loss-fork"],
    "requires": ["torch>=2.0"],
    "summary": "A loss.",
    "covers": ["Two of its three functions."],
    "bounds_memory": True,
}
FOLDER = "file:///src/fast_loss"


@pytest.fixture(autouse=True)
def small_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One plain fallback and one that has to be compiled."""
    compiled = ABOUT | {"distribution": "raster", "import": ["raster"], "replaces": []}
    del compiled["bounds_memory"]
    compiled["build"] = [{"source": "kernels/knn/knn_c.cu", "library": "raster/_knn.so"}]
    for name, about in (("fast_loss", ABOUT), ("raster", compiled)):
        payload = tmp_path / name / "payload" / name
        payload.mkdir(parents=True)
        (payload / "__init__.py").write_text("VALUE = 1\n")
        (tmp_path / name / "about.json").write_text(json.dumps(about))
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    yield


def sick(*more: Any, owner: str = "fast-loss", version: str = "1.2.0", **sections: Any) -> Facts:
    """An extension without code for the RTX 5080 of this machine."""
    changes = sections.pop("dist", {})
    library = b.library(f"{owner}/_C.so", b.code("sm_75"), distribution=owner)
    base = {
        "gpus": [b.gpu("sm_120")],
        "binaries": b.binaries(library),
        "distributions": [TORCH, b.dist(owner, version, **changes), *more],
    }
    return b.healthy(**(base | sections))


def offered(facts: Facts) -> Plan | Skip | None:
    return install_fallback_for(facts, Severity.error)


def install_fallback_for(facts: Facts, severity: Severity) -> Plan | Skip | None:
    (finding,) = b.run(extension_lacks_target, facts)
    finding = replace(finding, severity=severity)
    found = install_fallback(finding, b.view(facts))
    assert found is None or isinstance(found, (Plan, Skip))
    return found


def step(plan: Plan | Skip | None) -> InstallFallback:
    assert isinstance(plan, Plan), plan
    (only,) = plan.steps
    assert isinstance(only, InstallFallback)
    return only


def test_silent_for_what_has_none_and_for_advice() -> None:
    assert offered(sick(owner="something-else")) is None
    assert install_fallback_for(sick(), Severity.advice) is None


def test_silent_for_our_own() -> None:
    assert offered(sick(version="1.2.0+gpufix")) is None


def test_the_plan_takes_the_originals_name_and_version() -> None:
    plan = offered(sick())
    wanted = InstallFallback(
        name="fast_loss",
        distribution="Fast-Loss",
        version="1.2.0+gpufix",
        requires=["torch>=2.0"],
    )
    assert step(plan) == wanted
    assert isinstance(plan, Plan)
    assert plan.safety == "unsafe"
    assert plan.title == "install gpufix's fast_loss in place of fast-loss 1.2.0"
    assert "Two of its three functions." in plan.notes
    told = summary(plan, sick())
    assert told.command == "gpufix fix --apply --fallback fast_loss"


def test_a_fork_is_served_under_its_own_name() -> None:
    assert step(offered(sick(owner="fast-loss-fork"))).distribution == "fast-loss-fork"


def test_what_has_the_same_modules_goes() -> None:
    made = step(offered(sick(b.dist("fast-loss-fork", "9"))))
    assert (made.distribution, made.uninstall) == ("Fast-Loss", ["fast-loss-fork"])


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("fast-loss==1.2.0", "1.2.0+gpufix"),
        ("Fast_Loss>=2", "2+gpufix"),
        ("fast-loss", "1.2.0+gpufix"),
        ("fast-loss @ https://example.org/fast_loss.zip", "1.2.0+gpufix"),
    ],
)
def test_requirements_hold_afterwards(requirement: str, version: str) -> None:
    user = b.dist("trainer", requires=[requirement])
    assert step(offered(sick(user))).version == version


REFUSED = {
    "conda": (sick(dist={"source": "conda"}), "installed by conda"),
    "twice": (sick(b.dist("fast-loss", "1.1")), "installed twice"),
    "no torch": (
        sick(distributions=[b.dist("fast-loss")], torch=None),
        "torch>=2.0, which is not installed",
    ),
    "old torch": (
        sick(distributions=[b.dist("torch", "1.13.1"), b.dist("fast-loss")]),
        "1.13.1 is installed",
    ),
    "a local version is required": (
        sick(b.dist("trainer", requires=["fast-loss==1.2.0+cu121"])),
        "satisfies fast-loss==1.2.0+cu121",
    ),
    "torch for CPUs": (
        sick(owner="raster", torch=b.torch("2.9.0+cpu"), gpus=[b.gpu("sm_120")]),
        "no GPU support",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    facts, reason = REFUSED[case]
    skip = offered(facts)
    assert isinstance(skip, Skip)
    assert reason in skip.reason


@pytest.mark.parametrize("toolkits", [[], [b.toolkit("12.6")]])
def test_without_a_compiler_the_finding_says_what_is_missing(toolkits: list[Any]) -> None:
    facts = sick(owner="raster", toolkits=toolkits)
    plan = offered(facts)
    assert isinstance(plan, Plan)
    assert plan.safety == "manual"
    assert plan.title.startswith("install a compiler for sm_120")
    assert summary(plan, facts).command == "gpufix smoke --compile-only --gpu sm_120"
    skip = on_demand("raster", b.view(facts))
    assert isinstance(skip, Skip)
    assert skip.asked
    assert "no compiler here generates code for sm_120" in skip.reason


def test_a_fallback_that_is_compiled() -> None:
    assert step(offered(sick(owner="raster"))).archs == ["sm_120"]


def chosen(facts: Facts, *names: str, **wish: Any) -> Proposed:
    request = Request(selection=Selection(select=("GPU", "TCH")))
    return propose(facts, None, FixRequest(request, fallbacks=names, **wish))


def test_a_rebuild_comes_first_and_names_the_alternative() -> None:
    choice = chosen(sick(dist={"direct_url": FOLDER}), unsafe=True, only=("GPU103",)).choice
    (plan,) = choice.plans
    assert isinstance(plan.steps[0], Build)
    assert plan.alternative == "gpufix fix --apply --fallback fast_loss"


KNOWN: dict[str, Any] = {"dist": {"direct_url": FOLDER}}
NO_REBUILD: dict[str, dict[str, Any]] = {
    "no source": {},
    "no compiler": {**KNOWN, "toolkits": []},
    "a toolkit that lacks the target": {**KNOWN, "toolkits": [b.toolkit("12.6")]},
}


@pytest.mark.parametrize("case", NO_REBUILD)
def test_without_a_rebuild_it_is_held_until_it_is_wanted(case: str) -> None:
    facts = sick(**NO_REBUILD[case])
    held = chosen(facts, only=("GPU103",)).choice
    assert ([h.plan.fix for h in held.held], held.plans) == (["install-fallback"], [])
    for wanted in (chosen(facts, only=("GPU103",), unsafe=True), chosen(facts, "fast_loss")):
        (plan,) = wanted.choice.plans
        assert plan.fix == "install-fallback"
        assert plan.finding == ("GPU103", "fast-loss")


def test_by_name_it_outranks_the_rebuild_and_is_all_that_is_done() -> None:
    facts = sick(dist={"direct_url": FOLDER}, toolkits=[])
    assert len(chosen(facts).choice.held) + len(chosen(facts).choice.skips) > 0
    choice = chosen(facts, "fast-loss").choice
    assert [p.fix for p in choice.plans] == ["install-fallback"]
    assert (choice.held, choice.skips) == ([], [])
    assert (choice.plans[0].fallback, choice.plans[0].asked) == ("fast_loss", True)


def test_by_name_where_nothing_is_installed() -> None:
    plan = on_demand("fast_loss_cuda", b.view(sick(distributions=[TORCH])))
    made = step(plan)
    assert (made.distribution, made.version, made.uninstall) == ("Fast-Loss", "1.0.0+gpufix", [])
    assert isinstance(plan, Plan)
    assert plan.title == "install gpufix's fast_loss as Fast-Loss 1.0.0+gpufix"


def test_what_cannot_be_done_by_name_is_said() -> None:
    skip = on_demand("fast_loss", b.view(sick(dist={"source": "conda"})))
    assert isinstance(skip, Skip)
    assert skip.asked


def test_the_original_is_not_reinstalled_beside_it() -> None:
    """Plans on one distribution contradict each other; installations come in an order."""
    fallback = chosen(sick(), "fast_loss").choice.plans[0]
    other = Plan(fix="f", codes=[], title="t", safety="safe", steps=[Install(install=["a==1"])])
    assert [s.kind for s in merge([fallback, other])] == ["install", "fallback"]
    again = Install(install=["fast-loss==1.2.0"], reinstall=True)
    clashes = PlanConflicts(lambda _: None)
    clashes.add(fallback)
    assert clashes.against(replace(other, steps=[again])) is not None
    assert clashes.against(other) is None


LOGS = {
    'File "/env/fast_loss/__init__.py", line 3, in forward': 11,
    "  from fast_loss_cuda import loss": 7,
    "fast_loss and fast-loss-fork 1.0": 14,
    "my_fast_loss.py": -1,
    "fast_losses": -1,
    "": -1,
}


@pytest.mark.parametrize("words", LOGS)
def test_where_a_log_speaks_of_it(words: str) -> None:
    assert catalogue.get("fast_loss").last_in(words) == LOGS[words]


@pytest.mark.parametrize(
    ("extension", "version", "offers"),
    [
        ("fast_loss", "1.2.0", True),
        ("fast_loss", "1.0+gpufix", False),
        ("raster", "1.2.0", False),  # it would ask for as much
        ("something_else", "1.2.0", False),
    ],
)
def test_for_a_run_that_met_a_lack_of_memory_in_it(
    extension: str, version: str, offers: bool
) -> None:
    found = RUN806.finding(Fault(ERROR, extension, "Device memory ran out."))
    plan = install_fallback(found, b.view(sick(version=version)))
    assert (plan is not None) == offers
    assert not offers or step(plan).name == extension


def test_torch_without_metadata_of_its_own() -> None:
    facts = sick(distributions=[b.dist("fast-loss", "1.2.0")], torch=b.torch("2.5.1+cu124"))
    assert step(offered(facts)).requires == []


WHEEL = "Wheel-Version: 1.0\nGenerator: gpufix {}\n"
OURS = [
    (gpufix.__version__, Record(files=3), False),
    (gpufix.__version__, Record(files=3, missing=["x"], missing_count=1), True),
    (gpufix.__version__, Record(files=3, altered=["x"], altered_count=1), True),
    ("0.0.1", Record(files=3), True),
]


@pytest.mark.parametrize(("made_by", "record", "again"), OURS)
def test_our_own_is_installed_again_when_damaged_or_older(
    made_by: str, record: Record, again: bool
) -> None:
    ours = b.dist("fast-loss", "1.2.0+gpufix", metadata="/site/fast_loss.dist-info", record=record)
    answers = b.source("/site/fast_loss.dist-info/WHEEL", WHEEL.format(made_by))
    facts = replace(sick(distributions=[TORCH, ours]), answers=answers)
    plan = on_demand("fast_loss", b.view(facts))
    assert isinstance(plan, Plan) == again
    if isinstance(plan, Skip):
        assert "is installed already" in plan.reason
        assert not plan.asked


def test_no_index_is_asked_for_our_own() -> None:
    ours = b.dist("fast-loss", "1.2.0+gpufix", requires=["torch>=2.0"])
    user = b.dist("trainer", requires=["torch"])
    view = b.view(sick(distributions=[TORCH, ours, user]))
    step = Install(install=["torch==2.9.1"], dependencies=True)
    assert with_dependents(step, [], view) == replace(step, install=["torch==2.9.1", "trainer"])
    assert "gpufix fix --fallback fast-loss" in (why_not(ours) or "")


@pytest.mark.parametrize(
    ("requires", "installed", "offers"),
    [
        (["fast-loss>=1.1"], None, True),
        (["Fast_Loss_Fork"], None, True),
        (["something-else"], None, False),
        (["fast-loss>=1.1", "something-else"], None, False),
        (["fast-loss>=2"], "1.2.0", False),
    ],
)
def test_what_is_required_and_absent(
    requires: list[str], installed: str | None, offers: bool
) -> None:
    present = [b.dist("fast-loss", installed)] if installed else []
    facts = sick(distributions=[TORCH, b.dist("trainer", requires=requires), *present])
    (finding,) = b.run(requirement_conflict, facts)
    plan = install_fallback(finding, b.view(facts))
    assert isinstance(plan, Plan) == offers
    if offers:
        assert normalise(step(plan).distribution) == normalise(requires[0].partition(">")[0])
