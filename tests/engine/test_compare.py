"""Findings before and after: fixed, remaining, introduced, revealed."""

from __future__ import annotations

from typing import Any

import pytest

from gpufix.engine.run.comparison import compare
from gpufix.model import Evidence, Finding, FindingKey, Plan, Severity


def finding(code: str, subject: str = "x", severity: str = "error", **more: Any) -> Finding:
    return Finding(
        code=code, name="n", severity=Severity(severity), subject=subject, message="m", **more
    )


def plan(code: str, subject: str = "x") -> Plan:
    known = FindingKey(code, subject)
    return Plan(fix="f", codes=[code], title="t", safety="safe", steps=[], finding=known)


def codes(findings: list[Finding]) -> list[str]:
    return [f.code for f in findings]


def test_nothing_before_and_after() -> None:
    assert compare([], [], []).reason is None


def test_what_was_planned_is_gone() -> None:
    result = compare([finding("WHL503"), finding("RUN805")], [finding("RUN805")], [plan("WHL503")])
    assert (codes(result.fixed), codes(result.remaining)) == (["WHL503"], ["RUN805"])
    assert result.reason is None


def test_what_was_planned_is_still_there() -> None:
    result = compare([finding("WHL503")], [finding("WHL503")], [plan("WHL503")])
    assert codes(result.failed) == ["WHL503"]
    assert result.reason == "WHL503 (x) is still there"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "WHL503 (0) is still there"),
        (3, "WHL503 (0), WHL503 (1), WHL503 (2) is still there"),
        (4, "WHL503 (0), WHL503 (1), WHL503 (2) and 1 more is still there"),
    ],
)
def test_of_many_some_are_named(count: int, said: str) -> None:
    found = [finding("WHL503", str(n)) for n in range(count)]
    plans = [plan("WHL503", str(n)) for n in range(count)]
    assert compare(found, found, plans).reason == said


@pytest.mark.parametrize(
    ("code", "subject", "revealed"),
    [
        ("WHL506", "tetra-nerf", True),
        ("WHL506", "tetra.nerf", True),
        ("WHL506", "torch", False),
        ("SYM402", "tetra-nerf", False),
    ],
)
def test_what_was_built_may_lack_what_it_requires(code: str, subject: str, revealed: bool) -> None:
    after = [finding(code, subject, "warning")]
    result = compare([], after, [], {"tetra-nerf"})
    assert (codes(result.revealed) == [code]) is revealed
    assert (result.reason is None) is revealed


def test_a_consequence_that_comes_to_the_top_is_not_new() -> None:
    before = [finding("WHL501", consequences=[finding("WHL504")])]
    result = compare(before, [finding("WHL504")], [plan("WHL501")])
    assert (codes(result.introduced), codes(result.remaining)) == ([], ["WHL504"])


@pytest.mark.parametrize(
    ("severity", "reason"), [("error", True), ("warning", True), ("advice", False)]
)
def test_something_new(severity: str, reason: bool) -> None:
    result = compare([finding("WHL503")], [finding("WHL506", severity=severity)], [plan("WHL503")])
    assert codes(result.introduced) == ["WHL506"]
    assert (result.reason is not None) is reason


def test_other_peoples_processes_are_not_of_our_making() -> None:
    assert compare([], [finding("RUN803")], []).introduced == []


@pytest.mark.parametrize(
    "seen", [finding("SYM401", "ext", needs=["torch"]), finding("GPU101", "torch")]
)
def test_what_a_broken_torch_had_hidden_is_revealed(seen: Finding) -> None:
    before = [finding("WHL503", "torch", breaks=["torch"])]
    result = compare(before, [seen], [plan("WHL503", "torch")])
    assert (codes(result.revealed), result.introduced) == ([seen.code], [])
    assert result.reason is None


def test_what_a_repaired_torch_cannot_have_hidden_is_new() -> None:
    before = [finding("WHL503", "torch", breaks=["torch"])]
    result = compare(before, [finding("WHL506", "gradio")], [plan("WHL503", "torch")])
    assert codes(result.introduced) == ["WHL506"]


GLM = finding("SRC605", "third_party/glm", breaks=["tree:third_party/glm"])
IN_IT = [Evidence(path="/src/third_party/glm/setup.py", line=3, text="x")]


@pytest.mark.parametrize(
    "seen",
    [
        finding("SRC601", "third_party/glm/setup.py"),
        finding("SRC604", "numpy.float", evidence=IN_IT),
        finding("TCH204", "nvcc"),  # the project had nothing to compile until now
    ],
)
def test_what_an_empty_submodule_had_hidden_is_revealed(seen: Finding) -> None:
    result = compare([GLM], [seen], [plan("SRC605", GLM.subject)])
    assert (codes(result.revealed), result.introduced) == ([seen.code], [])


def test_what_lies_beside_a_submodule_is_new() -> None:
    seen = finding("SRC601", "third_party/glm2/setup.py")
    result = compare([GLM], [seen], [plan("SRC605", GLM.subject)])
    assert codes(result.introduced) == ["SRC601"]
