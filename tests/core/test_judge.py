"""How findings are arranged: a cause once, its consequences below it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from gpufix.checks import registry
from gpufix.checks.judge import attach, judge
from gpufix.checks.registry import (
    ADVICE,
    ERROR,
    WARNING,
    Fault,
    Rule,
    builtin_rules,
    declared,
    page,
    rule,
)
from gpufix.evidence.view import View
from gpufix.model import Evidence, Facts, Finding, Gap, Host, Severity
from gpufix.model.base import to_json

EMPTY = View(Facts(host=Host(os="Linux", kernel="6", machine="x86_64")))


def finding(code: str, severity: Severity = ERROR, breaks: str = "", needs: str = "") -> Finding:
    return Finding(
        code=code,
        name=code.lower(),
        severity=severity,
        subject="s",
        message="m",
        breaks=breaks.split(),
        needs=needs.split(),
    )


def tree(findings: list[Finding]) -> list[object]:
    return [(f.code, tree(f.consequences)) if f.consequences else f.code for f in findings]


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], []),
        ([finding("B"), finding("A")], ["A", "B"]),
        ([finding("A", WARNING), finding("B", ERROR)], ["B", "A"]),
        ([finding("A", breaks="x"), finding("B", needs="x")], [("A", ["B"])]),
        ([finding("B", needs="x"), finding("A", breaks="x")], [("A", ["B"])]),
        # A chain nests twice.
        (
            [
                finding("C", needs="y"),
                finding("B", breaks="y", needs="x"),
                finding("A", breaks="x"),
            ],
            [("A", [("B", ["C"])])],
        ),
        # Two that explain each other: one is told below the other, neither is lost.
        (
            [finding("A", breaks="x", needs="y"), finding("B", breaks="y", needs="x")],
            [("B", ["A"])],
        ),
        # The nearest cause is named first.
        (
            [finding("A", breaks="x"), finding("B", breaks="y"), finding("C", needs="y x")],
            ["A", ("B", ["C"])],
        ),
        # What breaks a resource that it needs itself is not its own consequence.
        ([finding("A", breaks="x", needs="x")], ["A"]),
    ],
)
def test_attach(findings: list[Finding], expected: list[object]) -> None:
    assert tree(attach(findings)) == expected


def test_a_cause_is_as_severe_as_what_follows_from_it() -> None:
    (root,) = attach([finding("A", ADVICE, breaks="x"), finding("B", ERROR, needs="x")])
    assert root.severity is ERROR


def test_a_crashing_check_is_heard_of_and_hides_no_other() -> None:
    @rule("ZZZ101", "crashes")
    def crashes(view: View) -> Iterator[Fault]:
        """Crashes."""
        raise RuntimeError("boom")

    @rule("ZZZ102", "speaks")
    def speaks(view: View) -> Iterator[Fault]:
        """Speaks."""
        yield Fault(WARNING, "s", "m")

    rules: list[Rule] = [vars(f)["__gpufix_rule__"] for f in (crashes, speaks)]
    found = judge(EMPTY, rules)
    assert [f.code for f in found] == ["DOC001", "ZZZ102"]
    assert "boom" in found[0].message
    assert any("Traceback" in e.text for e in found[0].evidence)


def test_what_a_check_cannot_look_at_is_a_gap_of_the_view() -> None:
    """In the order in which it came to it, also when it crashes afterwards."""

    @rule("ZZZ101", "looks")
    def looks(view: View) -> Iterator[Fault | Gap]:
        """Looks."""
        view.source("/asked before")
        yield Gap(section="torch", subject="2.9.0", reason="not known")
        view.source("/asked behind")
        yield Fault(WARNING, "s", "m")
        raise RuntimeError

    view = View(EMPTY.facts)
    assert [f.code for f in judge(view, [declared(looks)])] == ["DOC001"]
    assert [gap.subject for gap in view.gaps] == ["/asked before", "2.9.0", "/asked behind"]


THIRD_PARTYS: dict[str, tuple[Any, str]] = {
    "a severity by its name": (Fault("error", "s", "m"), "ZZZ101"),  # type: ignore[arg-type]
    "no severity": (Fault("fatal", "s", "m"), "DOC001"),  # type: ignore[arg-type]
    "a message of bytes": (Fault(ERROR, "s", b"m"), "ZZZ101"),  # type: ignore[arg-type]
    "a message that is none": (Fault(ERROR, "s", 5), "DOC001"),  # type: ignore[arg-type]
    "a line by its digits": (Fault(ERROR, "s", "m", (Evidence(text="t", line="3"),)), "ZZZ101"),  # type: ignore[arg-type]
    "a resource that is none": (Fault(ERROR, "s", "m", breaks=(["u"],)), "DOC001"),  # type: ignore[arg-type]
    "a number that is needed": (Fault(ERROR, "s", "m", needs=(3,)), "DOC001"),  # type: ignore[arg-type]
    "a payload that is none": (Fault(ERROR, "s", "m", payload={}), "DOC001"),  # type: ignore[arg-type]
    "a gap of nothing": (Gap(section="s", subject="s", reason=None), "DOC001"),  # type: ignore[arg-type]
    "neither": ("m", "DOC001"),
}


@pytest.mark.parametrize("case", THIRD_PARTYS)
def test_what_a_third_partys_check_yields_is_held_to_its_types(case: str) -> None:
    yielded, code = THIRD_PARTYS[case]
    theirs = Rule("ZZZ101", "n", lambda view: [yielded], "A page.", "company.rules")
    (found,) = judge(EMPTY, [theirs])
    assert (found.code, found.severity) == (code, ERROR)
    assert json.dumps(to_json(found))
    assert [type(e.line) for e in found.evidence if code == "ZZZ101" and e.line] in ([], [int])


def test_every_rule_has_a_page_and_a_code_of_its_own() -> None:
    rules = builtin_rules()
    assert len({r.code for r in rules}) == len(rules) >= 10
    for known in rules:
        for section in ("What it does", "Why it matters", "Severity", "Source"):
            assert f"## {section}" in known.page, f"{known.code} lacks {section}"


@pytest.mark.parametrize("code", ["tch201", "TCH20", "TCH20111", "TCHX01"])
def test_a_malformed_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="rule code"):
        rule(code, "x")


def test_a_rule_without_a_page_is_refused() -> None:
    with pytest.raises(ValueError, match="docstring"):
        rule("ZZZ103", "x")(lambda view: [])


def test_no_check_fires_on_an_empty_machine() -> None:
    assert judge(EMPTY, builtin_rules()) == []


A, B = page("SRC698", "old-thing", "A page."), page("SRC699", "odd-thing", "A page.")

MISNAMED = {
    "no code in its name": ("source.odd_things", [A], "holds SRC698 old-thing:"),
    "another name": ("source.src698_odd_thing", [A], "holds SRC698 old-thing:"),
    "another code": ("source.src699_old_thing", [A], "holds SRC698 old-thing:"),
    "a second rule": (
        "gpu.src698_old_thing",
        [A, B],
        "holds SRC698 old-thing, SRC699 odd-thing:",
    ),
    "no rule": ("gpu.src698_old_thing", [], "holds no rule:"),
}


@pytest.fixture(autouse=True)
def collected_again() -> Iterator[None]:
    """The rules are kept for the process."""
    builtin_rules.cache_clear()
    yield
    builtin_rules.cache_clear()


def with_module(monkeypatch: pytest.MonkeyPatch, name: str, rules: list[Rule]) -> None:
    """One more file among the rules'."""
    module = ModuleType(f"gpufix.checks.{name}")
    vars(module).update({rule.code: rule for rule in rules})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names = registry.modules_below(registry.__file__, "gpufix.checks")
    monkeypatch.setattr(registry, "modules_below", lambda *_: [*names, module.__name__])


@pytest.mark.parametrize("case", MISNAMED)
def test_a_rules_file_that_is_not_named_as_it(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a project, the rules on its source are known by their files' names alone."""
    name, rules, text = MISNAMED[case]
    with_module(monkeypatch, name, rules)
    with pytest.raises(ValueError, match=f"gpufix.checks.{name} {text}"):
        builtin_rules()


@pytest.mark.parametrize("project", [True, False])
def test_a_rules_file_that_is_named_as_it(project: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with_module(monkeypatch, "source.src698_old_thing", [A])
    found = {rule.code: rule.name for rule in builtin_rules(project)}
    assert found["SRC698"] == "old-thing"
    assert "SRC699" not in found


def test_without_a_project_the_same_rules_are_known_and_those_on_source_find_nothing() -> None:
    rules, fewer = builtin_rules(), builtin_rules(project=False)
    assert [(r.code, r.name, r.doctor) for r in fewer] == [
        (r.code, r.name, r.doctor) for r in rules
    ]
    assert EMPTY.facts.project is None
    on_source = [r for r in rules if r.code.startswith("SRC")]
    assert len(on_source) > 9 and judge(EMPTY, on_source) == []
    code = (
        "import sys; from gpufix.checks.registry import builtin_rules; builtin_rules(project=False); "
        "sys.exit(any('.src6' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
