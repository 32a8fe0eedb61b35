"""Which plans are applied, and their steps in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import builders
import pytest

from gpufix.evidence.requirements import objections
from gpufix.fixes.conflicts import merged
from gpufix.fixes.merge import added, choose, contributes, instead, merge
from gpufix.fixes.pins import with_dependents
from gpufix.model import (
    Advise,
    Build,
    Elsewhere,
    Finding,
    InitSubmodules,
    Install,
    InstallFallback,
    Plan,
    Remove,
    SetVariables,
    Severity,
    Skip,
    Step,
    TorchMove,
    WriteFile,
)


def plan(*steps: Step, safety: str = "safe", title: str = "mend", **more: Any) -> Plan:
    made = {"fix": "f", "codes": ["WHL503"], "title": title, "safety": safety, **more}
    return Plan(steps=list(steps), **made)


def finding(code: str = "WHL503", subject: str = "x", below: Sequence[Finding] = ()) -> Finding:
    return Finding(
        code=code,
        name="n",
        severity=Severity.error,
        subject=subject,
        message="m",
        consequences=list(below),
    )


def reinstall(*names: str, index: str | None = None) -> Install:
    return Install(install=list(names), reinstall=True, index=index)


def test_nothing_is_merged_to_nothing() -> None:
    assert merge([]) == []
    choice = choose([], lambda f: [], unsafe=True)
    assert (choice.plans, choice.held, choice.skips) == ([], [], [])


def test_one_reinstall_serves_many() -> None:
    plans = [plan(reinstall("a==1")), plan(reinstall("a==1", "b==2")), plan(reinstall("a==1"))]
    assert merge(plans) == [reinstall("a==1", "b==2")]


def test_different_indexes_are_different_installations() -> None:
    plans = [plan(reinstall("a==1")), plan(reinstall("b==2", index="cu128"))]
    assert merge(plans) == [reinstall("a==1"), reinstall("b==2", index="cu128")]


ORDER: list[Step] = [
    InitSubmodules(root="/p", paths=["glm"]),
    WriteFile(path="/p/a", content=""),
    Install(uninstall=["nvidia-nccl-cu11"]),
    Install(install=["torch==2.9.0+cu128"], dependencies=True, index="cu128"),
    reinstall("torchvision==0.24.0", index="cu128"),
    InstallFallback(name="xformers", distribution="xformers", version="1+gpufix"),
    SetVariables(variables={"A": "1"}),
    Build(path="/p"),
    Advise(text="reboot"),
]


@pytest.mark.parametrize("given", [ORDER, ORDER[::-1]], ids=["in order", "reversed"])
def test_the_order_of_kinds(given: list[Step]) -> None:
    assert merge([plan(step, safety="unsafe") for step in given]) == ORDER


def test_files_are_removed_and_written_in_the_order_of_the_plans() -> None:
    remove, write = Remove(path="/p/build"), WriteFile(path="/p/a", content="")
    assert merge([plan(remove), plan(write)]) == [remove, write]
    assert merge([plan(write), plan(remove)]) == [write, remove]
    again = WriteFile(path="/p/build", content="")  # a file where there was a folder
    assert merge([plan(remove, again)]) == [remove, again]


def test_what_is_of_one_kind_and_not_about_the_same_stays_apart() -> None:
    steps: list[Step] = [Build(path="/a"), Build(path="/b"), Advise(text="1"), Advise(text="2")]
    assert merge([plan(step) for step in steps]) == steps
    editable = merge([plan(Build(path="/a")), plan(Build(path="/a", editable=True))])
    assert editable == [Build(path="/a", editable=True)]


@pytest.mark.parametrize(
    ("own", "step", "expected"),
    [
        (reinstall("a==1"), reinstall("a==1", "b==1"), True),
        (reinstall("a==1"), reinstall("b==1"), False),
        (Install(uninstall=["a"]), Install(uninstall=["b", "a"]), True),
        (Install(install=["a"]), Remove(path="/a"), False),
        (Remove(path="/a"), Install(install=["a"]), False),
        (SetVariables(variables={"A": "1"}), SetVariables(variables={"A": "1", "B": "2"}), True),
        (SetVariables(variables={"A": "1"}), SetVariables(variables={"B": "2"}), False),
        (SetVariables(variables={"A": "1"}), Remove(path="/A"), False),
        (WriteFile(path="/a", content="1"), WriteFile(path="/a", content="both"), True),
        (WriteFile(path="/a", content="1"), WriteFile(path="/b", content="1"), False),
        (Build(path="/a"), Build(path="/a", expect_archs=["sm_90"]), True),
        (Build(path="/a"), Build(path="/b"), False),
        (WriteFile(path="/a", content="1"), Build(path="/a"), False),
        (Remove(path="/a"), Remove(path="/a"), True),
        (Remove(path="/a"), Remove(path="/b"), False),
    ],
)
def test_which_plans_a_merged_step_serves(own: Step, step: Step, expected: bool) -> None:
    assert contributes(plan(own, safety="unsafe"), step) is expected


def test_a_plan_keeps_its_own_order() -> None:
    """What is written into a folder that an installation makes comes after it."""
    toolkit = Install(install=["cuda-toolkit==13.0"])
    link = WriteFile(path="/env/nvidia/cu13/lib/libcudart.so", content="")
    other = WriteFile(path="/p/a", content="")
    assert merge([plan(toolkit, link), plan(other)]) == [other, toolkit, link]


def test_variables_and_builds_are_joined() -> None:
    one = plan(SetVariables(variables={"A": "1"}), Build(path="/p", expect_archs=["sm_90"]))
    two = plan(
        SetVariables(variables={"B": None}),
        Build(path="/p", environment={"X": "1"}, expect_archs=["sm_120"]),
    )
    assert merge([one, two]) == [
        SetVariables(variables={"A": "1", "B": None}),
        Build(path="/p", environment={"X": "1"}, expect_archs=["sm_90", "sm_120"]),
    ]


def test_builds_from_source_stay_apart() -> None:
    """One that fails takes no other with it."""
    one, two = (Install(install=[f"{n} @ git+https://x/{n}"], environment={"X": "1"}) for n in "ab")
    assert merge([plan(one), plan(two), plan(one)]) == [one, two]
    assert merge([plan(one), plan(Install(install=["c==1"]))]) == [one, Install(install=["c==1"])]


def test_a_removal_within_an_installation_comes_first() -> None:
    step = Install(uninstall=["a"], install=["a==1"])
    assert merge([plan(step)]) == [Install(uninstall=["a"]), Install(install=["a==1"])]


def test_a_safe_plan_moves_nothing_else() -> None:
    step = Install(install=["a"], dependencies=True)
    assert merge([plan(step)]) == [replace(step, freeze=True)]
    assert merge([plan(step, safety="unsafe")]) == [step]


@pytest.mark.parametrize(
    ("safety", "unsafe", "done"),
    [
        ("safe", False, True),
        ("unsafe", False, False),
        ("unsafe", True, True),
        ("manual", True, False),
    ],
)
def test_only_what_is_allowed_is_chosen(safety: str, unsafe: bool, done: bool) -> None:
    offered = plan(reinstall("a==1"), safety=safety)
    choice = choose([finding()], lambda f: [offered], unsafe)
    assert choice.plans == ([offered] if done else [])
    assert len(choice.held) == (0 if done else 1)


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        (None, "changes a version you chose: needs --unsafe"),
        (
            "xformers",
            "replaces a package: needs --unsafe or --fallback xformers",
        ),
    ],
)
def test_what_is_held_back_says_how_it_is_allowed(fallback: str | None, said: str) -> None:
    offered = plan(reinstall("a==1"), safety="unsafe", fallback=fallback)
    (held,) = choose([finding()], lambda f: [offered], unsafe=False).held
    assert held.reason == said
    (held,) = choose([finding()], lambda f: [replace(offered, safety="manual")], True).held
    assert held.reason == "gpufix cannot do this: run it yourself"


def test_what_was_asked_for_by_name_comes_first_whatever_its_safety() -> None:
    asked = plan(reinstall("a==1"), safety="unsafe", title="asked", fallback="a", asked=True)
    none = Skip(fix="f", code="--fallback", subject="b", reason="none", asked=True)
    other = plan(reinstall("a==2"), title="other")
    choice = choose([finding()], lambda f: [other], unsafe=False, by_name=[asked, none])
    assert (choice.plans, choice.skips) == ([asked], [none])
    assert [(h.plan, h.reason) for h in choice.held] == [(other, "contradicts “asked” about a")]


def test_the_safest_of_several_is_chosen() -> None:
    safe, other = plan(reinstall("a==1")), plan(reinstall("a==2"), safety="unsafe")
    assert choose([finding()], lambda f: [safe, other], True).plans == [safe]


def test_a_consequence_is_served_by_its_cause() -> None:
    cause = finding("WHL501", below=[finding("WHL503", "below")])
    plans = {"WHL501": plan(reinstall("a==1")), "WHL503": plan(reinstall("b==1"))}
    assert choose([cause], lambda f: [plans[f.code]], False).plans == [plans["WHL501"]]
    skip = Skip(fix="f", code="WHL501", subject="x", reason="none")
    choice = choose([cause], lambda f: [skip] if f.code == "WHL501" else [plans[f.code]], False)
    assert (choice.plans, choice.skips) == ([plans["WHL503"]], [skip])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (reinstall("a==1"), reinstall("a==2")),
        (reinstall("a==1"), Install(install=["A>=2"])),
        (reinstall("a==1"), Install(uninstall=["a"])),
        (SetVariables(variables={"A": "1"}), SetVariables(variables={"A": None})),
        (WriteFile(path="/p", content="1"), WriteFile(path="/p", content="2")),
        (WriteFile(path="/p", content="1"), Remove(path="/p")),
    ],
)
def test_contradictions_are_held_back(one: Step, other: Step) -> None:
    plans = {"A": plan(one, title="first"), "B": plan(other, title="second")}
    found = [finding(subject="A"), finding(subject="B")]
    choice = choose(found, lambda f: [plans[f.subject]], False)
    assert choice.plans == [plans["A"]]
    assert [h.plan for h in choice.held] == [plans["B"]]
    assert "first" in choice.held[0].reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (reinstall("a==1"), reinstall("a==1", "b==1")),
        (Install(install=["a>=1"]), Install(install=["a<2"])),
        (Install(install=["a>=1"]), Install(install=["a>=2"])),
        (Install(install=["a==1.*"]), Install(install=["a==1.5"])),
        (Install(install=["a==1.5"]), Install(install=["a<2"])),
        (Install(uninstall=["a"], install=["a==1"]), Install(install=["a==1"])),
        (Remove(path="/p"), Remove(path="/p")),
    ],
)
def test_agreement_is_no_contradiction(one: Step, other: Step) -> None:
    plans = {"A": plan(one, title="first"), "B": plan(other, title="second")}
    found = [finding(subject="A"), finding(subject="B")]
    assert len(choose(found, lambda f: [plans[f.subject]], False).plans) == 2


def test_what_is_made_for_this_torch_waits_for_the_next() -> None:
    build = TorchMove(release="2.9.0", variant="cu128")
    moving = plan(Install(install=["torch==2.9.0"], index="cu128"), moves_torch=build)
    pinned = plan(reinstall("nvidia-nccl-cu12==2.27.3"), for_this_torch=True)
    plans = {"A": pinned, "B": moving}
    choice = choose([finding(subject=s) for s in "AB"], lambda f: [plans[f.subject]], False)
    assert choice.plans == [moving]
    assert "waits" in choice.held[0].reason


def test_dependents_are_given_to_the_resolver() -> None:
    dists = [
        builders.dist("starlette", "1.10.0"),
        builders.dist("fastapi", "0.165.0", requires=["starlette>=1.6"]),
        builders.dist("gradio", "4.44.1", requires=["fastapi<1.0", "pydantic>=2"]),
        builders.dist("pydantic", "2.12.0"),
        builders.dist("mine", "1.0", requires=["fastapi"], editable="/src/mine"),
        builders.dist("unrelated", "1.0"),
    ]
    view = builders.view(builders.facts(distributions=dists))
    step = Install(install=["starlette<1.0"], dependencies=True)
    chosen = Plan(
        fix="resolve-conflict",
        codes=["WHL506"],
        subjects=["gradio × starlette"],
        title="t",
        safety="unsafe",
        steps=[step],
    )
    widened = with_dependents(step, [chosen], view)
    assert isinstance(widened, Install)
    assert widened.install == ["starlette<1.0", "fastapi", "gradio==4.44.1", "mine==1.0"]
    for alone in (Install(install=["starlette"]), Install(install=["x"], dependencies=True)):
        assert with_dependents(alone, [chosen], view) == alone


def test_a_dependent_that_conda_installed_stays() -> None:
    owned = {"source": "conda", "package": "scipy"}
    dists = [
        builders.dist("wanted", "1.0"),
        builders.dist("scipy", "1.15.1", requires=["wanted<2"], **owned),
    ]
    facts = builders.facts(distributions=dists)
    step = Install(install=["wanted>=2"], dependencies=True)
    widened = with_dependents(step, [], builders.view(facts))
    assert isinstance(widened, Install)
    assert widened.install == ["wanted>=2", "scipy==1.15.1"]
    assert list(objections(widened, facts)) == []  # pip leaves it where it is


BASE = "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (BASE, BASE, BASE),
        ("A\nb\nc\nd\n", BASE, "A\nb\nc\nd\n"),
        ("A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n"),
        ("new\na\nb\nc\nd\n", "a\nb\nd\n", "new\na\nb\nd\n"),
        ("a\nx\nb\nc\nd\n", "a\nx\nb\nc\nD\n", "a\nx\nb\nc\nD\n"),
        ("a\nb\nc\nd", "A\nb\nc\nd\n", "A\nb\nc\nd"),
        ("A\nb\nc\nd\n", "B\nb\nc\nd\n", None),
        ("a\nx\nb\nc\nd\n", "a\ny\nb\nc\nd\n", None),
        ("a\nd\n", "a\nb\nC\nd\n", None),
    ],
)
def test_two_edits_of_one_text(one: str, other: str, both: str | None) -> None:
    assert merged(BASE, one, other) == merged(BASE, other, one) == both


LINE = 'flags=["-O2","-gencode","arch=compute_70,code=sm_70","-DABI=0"]\n'


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ('flags=["-O2","-DABI=0"]\n', LINE.replace('"-DABI=0"', "abi()"), 'flags=["-O2",abi()]\n'),
        (LINE.replace("sm_70", "sm_80"), LINE.replace("sm_70", "sm_90"), None),
        ('flags=["-O2","-DABI=0"]\n', LINE.replace("sm_70", "sm_90"), None),
    ],
)
def test_two_edits_of_one_line(one: str, other: str, both: str | None) -> None:
    """Word by word; a string in quotes is one word."""
    assert merged(LINE, one, other) == merged(LINE, other, one) == both


def test_edits_of_one_file_are_joined_when_its_text_is_known() -> None:
    steps = [
        WriteFile(path="/p", content=text, expect="0")
        for text in ("A\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nc\nD\n", "x\nb\nc\nd\n")
    ]
    plans = {str(n): plan(step, title=f"edit {n}") for n, step in enumerate(steps)}
    found = [finding(subject=n) for n in plans]
    choice = choose(found, lambda f: [plans[f.subject]], False, lambda step: BASE)
    assert choice.plans == [plans["0"], plans["1"], plans["2"]]
    assert [h.plan for h in choice.held] == [plans["3"]]
    (step,) = merge(choice.plans, lambda step: BASE)
    assert isinstance(step, WriteFile)
    assert step.content == "A\nB\nc\nD\n"
    unknown = choose(found, lambda f: [plans[f.subject]], False)
    assert unknown.plans == [plans["0"]]


THERE = Elsewhere(title="there", steps=[Install(install=["b==1"])])


@pytest.mark.parametrize(
    ("offered", "unsafe", "order"),
    [
        (["safe", "unsafe"], True, ["first", "second"]),
        (["safe", "unsafe"], False, ["first"]),
        (["unsafe there", "unsafe"], True, ["first", "there", "second"]),
        (["unsafe", "unsafe replacement"], True, ["first"]),
        (["unsafe", "manual"], True, ["first"]),
    ],
)
def test_what_is_tried_where_plans_fail(offered: list[str], unsafe: bool, order: list[str]) -> None:
    """The same from another place, then the next plans that are consented to; no replacement."""
    plans = [
        plan(
            Install(install=[f"a=={number}"]),
            safety=text.split()[0],
            title=("first", "second")[number],
            finding=finding().key,
            elsewhere=THERE if "there" in text else None,
            fallback="f" if "replacement" in text else None,
        )
        for number, text in enumerate(offered)
    ]
    choice, tried = choose([finding()], lambda f: plans, unsafe), []
    while choice.plans:
        tried += [p.title for p in choice.plans]
        choice = instead(choice, choice.plans)
    assert tried == order


def test_more_plans_are_added_where_they_agree() -> None:
    one, other = plan(Install(install=["a==1"])), plan(Install(install=["a==2"]), title="other")
    choice = choose([finding()], lambda f: [one], unsafe=True)
    more = choose([finding("WHL506")], lambda f: [other], unsafe=True)
    assert added(choice, more) is None
    beside = choose([finding("WHL506")], lambda f: [plan(Remove(path="/x"))], unsafe=True)
    both = added(choice, beside)
    assert both is not None and len(both.plans) == 2
