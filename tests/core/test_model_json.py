"""Records as JSON and back: what is not of its kind is refused, with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpufix.model import Facts, Finding, Plan, Severity, Target, WriteFile
from gpufix.model.base import Invalid, from_json, to_json
from gpufix.model.payload import StaleLock
from gpufix.model.plan import FindingKey, ServedFinding

HOST = {"os": "Linux", "kernel": "6", "machine": "x86_64"}
PLAN = Plan(
    fix="f",
    codes=["ZZZ101"],
    title="t",
    safety="safe",
    steps=[WriteFile(path="/a", content="é")],
    finding=FindingKey("ZZZ101", "s"),
    served=(ServedFinding("ZZZ101", "s", None),),
)

WRONG: dict[str, tuple[type[Any], Any, str]] = {
    "a missing field": (Facts, {}, "host: Field required"),
    "a field of another type": (Facts, {"host": {**HOST, "os": 5}}, "host.os: "),
    "a field that is not known": (Facts, {"host": {**HOST, "color": "red"}}, "host.color: "),
    "a text for a list": (Facts, {"host": HOST, "gpus": "none"}, "gpus: "),
    "deep inside": (Facts, {"host": HOST, "gaps": [{"section": "a"}]}, "gaps.0.subject: "),
    "a word that is none of the choices": (
        Plan,
        {**to_json(PLAN), "safety": "perhaps"},
        "safety: ",
    ),
    "a step of no kind": (Plan, {**to_json(PLAN), "steps": [{"kind": "reboot"}]}, "steps.0"),
    "no table": (Facts, [], ": "),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_of_its_kind_is_refused(case: str) -> None:
    kind, data, said = WRONG[case]
    with pytest.raises(Invalid) as refused:
        from_json(kind, data)
    assert said in str(refused.value)
    assert str(refused.value).startswith(refused.value.where)


def test_a_plan_comes_back() -> None:
    assert from_json(Plan, json.loads(json.dumps(to_json(PLAN)))) == PLAN


def test_what_is_inner_is_not_shown() -> None:
    target = Target(vendor="nvidia", arch="sm_120", source="GPU 0", gpu=0)
    assert to_json(target) == {
        "vendor": "nvidia",
        "arch": "sm_120",
        "name": None,
        "source": "GPU 0",
    }
    finding = Finding(
        code="ZZZ101",
        name="n",
        severity=Severity.error,
        subject="s",
        message="m",
        payload=StaleLock("/l"),
    )
    assert to_json([finding])[0]["severity"] == "error"
    assert {"payload", "breaks", "needs"}.isdisjoint(to_json(finding))
